import { ANONYMOUS } from "@holdfast/contracts/api";
import { type ColumnsResult, type EnqueueResult, HoldfastError, type TaskColumns } from "holdfast";
import { expect, test } from "vitest";
import { Conflicts } from "./conflicts.ts";

const conflict = () => new HoldfastError("task_conflict", "another body");
const receipt = { id: "x", state: "pending", duplicate: false, willRun: true, durability: "memory" } as const;
const identity = (keyId: string) => ({ ...ANONYMOUS, kind: "key" as const, keyId });

/** Makes a fake queue that answers every enqueue with a conflict, as if each id were taken. */
function setup(perMinute: number) {
  const seen: string[] = [];
  const conflicts = new Conflicts(perMinute);
  const queue = {
    async enqueueText(type: string, _text: string, options?: { id?: string }) {
      seen.push(type);
      if (options?.id !== undefined) throw conflict();
      return receipt;
    },
    async enqueueColumns({ types, options }: TaskColumns): Promise<ColumnsResult> {
      seen.push(...types);
      const results = types.map((_, place): EnqueueResult => {
        const id = options?.get(place)?.id;
        return id === undefined ? { ok: true, receipt } : { ok: false, id, error: conflict() };
      });
      return { ids: results.some(({ ok }) => !ok) ? null : types.map(() => "x"), results };
    },
  };
  const limited = (keyId = "k") => conflicts.limit(queue as never, identity(keyId), "10.0.0.1");
  return { limited, seen };
}

/** Makes tasks of these types, some of them with an id. */
function columns(...tasks: [type: string, id?: string][]): TaskColumns {
  const options = new Map(tasks.flatMap(([, id], place) => (id === undefined ? [] : [[place, { id }]])));
  return {
    bytes: Buffer.from("1".repeat(tasks.length)),
    types: tasks.map(([type]) => type),
    spans: tasks.flatMap((_, place) => [place, place + 1]),
    options: options.size === 0 ? undefined : options,
  };
}

const codeOf = (done: Promise<unknown>) =>
  done.then(
    () => "stored",
    (error) => (error as HoldfastError).code,
  );

test("after too many conflicts, tasks with an id are refused unread, and tasks without an id are stored", async () => {
  const { limited, seen } = setup(3);
  const codes = [];
  for (let turn = 0; turn < 5; turn++) codes.push(await codeOf(limited().enqueueText("t", "1", { id: "a" })));
  expect(codes).toEqual(["task_conflict", "task_conflict", "task_conflict", "rate_limited", "rate_limited"]);
  expect(seen).toHaveLength(3);
  expect(await codeOf(limited().enqueueText("t", "1"))).toBe("stored");
  expect(await codeOf(limited("other").enqueueText("t", "1", { id: "a" }))).toBe("task_conflict");
  await expect(limited().enqueueText("t", "1", { id: "a" })).rejects.toThrow("CONFLICTS_PER_MINUTE");
});

test("each guess in a batch counts, and no more are allowed until their tokens have come back", async () => {
  const { limited, seen } = setup(60);
  const guesses = Array.from({ length: 600 }, (_, at): [string, string] => [`t${at}`, "a"]);
  await limited().enqueueColumns(columns(...guesses));
  expect(seen).toHaveLength(600);
  const { results } = await limited().enqueueColumns(columns(["guess", "a"], ["no-id"]));
  expect(results).toMatchObject([{ ok: false, id: "a", error: { code: "rate_limited" } }, { ok: true }]);
  expect((await limited().enqueueColumns(columns(["plain"]))).ids).toEqual(["x"]);
  // The batch had 600 guesses. That is 540 more than the burst of 60, and one token returns per second, so the wait
  // is long.
  const refused = results[0] as { error: HoldfastError };
  expect(refused.error.retryAfterMs).toBeGreaterThan(500_000);
  expect(seen.slice(600)).toEqual(["no-id", "plain"]);
});
