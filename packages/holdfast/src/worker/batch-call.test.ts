import fc from "fast-check";
import { expect, test } from "vitest";
import { batch, batchSettings } from "./batch.ts";
import { type BatchMember, runBatch } from "./batch-call.ts";
import type { BatchOptions } from "./batch-handler.ts";
import type { HandlerContext, HandlerTask } from "./handler.ts";

type Fate = "done" | "failed" | "stopped" | undefined;

/**
 * Runs a batch of `size` tasks whose handler throws if a task of the set `bad` is among them. Returns the calls of the
 * handler and the outcome of each task.
 */
async function search(size: number, bad: ReadonlySet<number>, options: Partial<BatchOptions> = {}) {
  const calls: number[][] = [];
  const fates: Fate[] = new Array(size).fill(undefined);
  const settings = batchSettings(
    batch({ max: 500, ...options }, async (tasks) => {
      const numbers = tasks.map(({ id }) => Number(id));
      calls.push(numbers);
      if (numbers.some((number) => bad.has(number))) throw new Error("bad");
    }),
  );
  const members = fates.map((_, place): BatchMember => {
    const end = (fate: Fate) => {
      expect([place, fates[place]]).toEqual([place, undefined]);
      fates[place] = fate;
    };
    return {
      asTask: () => ({ id: String(place) }) as HandlerTask,
      asContext: () => ({}) as HandlerContext,
      get ended() {
        return fates[place] !== undefined;
      },
      stopped: undefined,
      succeed: () => end("done"),
      fail: () => end("failed"),
    };
  });
  await runBatch(settings as NonNullable<typeof settings>, members);
  return { calls, failed: fates.flatMap((fate, place) => (fate === "failed" ? [place] : [])), fates };
}

test("in any batch exactly the tasks fail that fail alone, each good task is done once, and there are few calls", async () => {
  const cases = fc
    .integer({ min: 1, max: 300 })
    .chain((size) =>
      fc.tuple(
        fc.constant(size),
        fc.uniqueArray(fc.nat({ max: size - 1 }), { maxLength: Math.min(3, size) }),
      ),
    );
  await fc.assert(
    fc.asyncProperty(cases, async ([size, bad]) => {
      const { calls, failed, fates } = await search(size, new Set(bad));
      expect(failed).toEqual(bad.toSorted((a, b) => a - b));
      expect(fates).not.toContain(undefined);
      expect(calls.length).toBeLessThanOrEqual(1 + bad.length * 2 * Math.ceil(Math.log2(size)));
      const good = calls.filter((call) => !call.some((number) => bad.includes(number))).flat();
      expect(new Set(good).size).toBe(good.length);
    }),
    { numRuns: 200 },
  );
});

test("after 32 failed calls in a row the remaining tasks fail too; a batch of up to 16 tasks is searched to the end", async () => {
  const all = (size: number) => new Set(Array.from({ length: size }, (_, n) => n));
  expect((await search(16, all(16))).calls).toHaveLength(31);
  const { calls, failed } = await search(500, all(500));
  expect(calls).toHaveLength(32);
  expect(failed).toHaveLength(500);
});

test("after a call that succeeds, failed calls are counted from 0 again", async () => {
  const bad = new Set(Array.from({ length: 100 }, (_, n) => 2 * n));
  expect((await search(200, bad)).failed).toEqual([...bad]);
});

test("failAll: there is one call, and all tasks fail", async () => {
  const { calls, failed } = await search(10, new Set([3]), { onThrow: "failAll" });
  expect(calls).toHaveLength(1);
  expect(failed).toHaveLength(10);
});
