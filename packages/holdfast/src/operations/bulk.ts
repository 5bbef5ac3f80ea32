import { HoldfastError } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { OperationSpec } from "../engine/operation-store.ts";
import type { TaskFilter } from "../observer/filter.ts";
import type { BulkOptions } from "../observer/observer-options.ts";
import { finishHere, localAuthor } from "./finish-here.ts";

/**
 * Replays or discards all matching dead letters, or changes all matching scheduled tasks, as an operation that runs in
 * this process.
 * @param total how many tasks match
 * @returns the number of tasks by outcome
 * @throws HoldfastError invalid_argument, rate_limited (too many operations run), conflict (somebody cancelled it)
 */
export async function runBulk(
  client: Holdfast,
  what: Pick<OperationSpec, "queue" | "change"> & {
    kind: "replay" | "discard" | "change";
    filter: TaskFilter;
    total: number;
  },
  options: BulkOptions,
): Promise<Record<string, number>> {
  const { kind, queue, filter, total, change } = what;
  const { to, force = false, ratePerSecond, signal, onProgress, by = "library" } = options;
  if (kind !== "replay" && (to !== undefined || force))
    throw new HoldfastError(
      "invalid_argument",
      `to and force are options of replayAll and not of ${kind}All`,
    );
  const store = client.operations;
  const { id } = await store.create(
    {
      kind,
      queue,
      selection: { filter },
      ...(change === undefined ? {} : { change }),
      ...(to === undefined ? {} : { to }),
      ...(force ? { force } : {}),
      ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
      by: localAuthor(by),
    },
    total,
  );
  const cancel = () => void store.control(id, "cancel").catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    const view = await finishHere(client, id, {
      onProgress: onProgress && ((done) => onProgress({ done, total: Math.max(done, total) })),
    });
    if (view.state === "succeeded") return view.result;
    signal?.throwIfAborted();
    throw new HoldfastError("conflict", view.error ?? `operation ${id} is ${view.state}`);
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}
