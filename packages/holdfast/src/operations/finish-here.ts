import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/contracts";
import type { OperationView } from "@holdfast/contracts/api";
import type { Holdfast } from "../client.ts";
import type { OperationSpec } from "../engine/operation-store.ts";
import { OperationRunner } from "./operation-runner.ts";

const LOOK_MS = 50;

export interface FinishOptions {
  /** Aborting this signal stops the operation here after its present batch, so that another process can continue it. */
  signal?: AbortSignal | undefined;
  /** Called after each batch with the number of tasks that are done. */
  onProgress?: ((done: number) => void) | undefined;
}

/**
 * Runs an operation in this process until it ends, so that no service is needed. If another process runs it already,
 * waits for that process.
 * @returns the operation; it has not ended if it was paused or stopped here
 * @throws HoldfastError the error that made the operation fail here, or not_found
 */
export async function finishHere(
  client: Holdfast,
  id: string,
  { signal, onProgress }: FinishOptions = {},
): Promise<OperationView> {
  let done = 0;
  let failure: HoldfastError | undefined;
  const runner = new OperationRunner({
    client,
    producer: () => {
      throw new HoldfastError(
        "internal",
        "only a service can run an operation that enqueues tasks: start one",
      );
    },
    onMoved: (_, moved) => {
      done += moved.done;
      onProgress?.(done);
    },
    onFailed: (error) => {
      failure = error;
    },
  });
  const stop = () => void runner.stop();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await runner.runNow(id);
    for (;;) {
      if (failure !== undefined) throw failure;
      const view = await client.operations.get(id);
      if (!view) throw new HoldfastError("not_found", `there is no operation ${id}`);
      if (view.endedAt !== null || view.state === "paused" || signal?.aborted) return view;
      await delay(LOOK_MS);
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/**
 * Describes who starts an operation through the library. There is no API key and no request, so the audit record has
 * the process and the machine instead.
 */
export const localAuthor = (actor: string): OperationSpec["by"] => ({
  actor,
  keyId: null,
  role: null,
  from: `library@${hostname()}`,
  requestId: `library-${process.pid}`,
  clientRequestId: null,
  reason: null,
});
