import { expect, test } from "vitest";
import type { Engine } from "../engine/engine.ts";
import type { EnqueueArgs } from "../engine/enqueue-answer.ts";
import { EnqueueBuffer } from "./enqueue-buffer.ts";

/** How many tasks went in each call, and which ids were accepted, where Redis takes all. */
async function sent(envelopes: readonly string[]) {
  const calls: number[] = [];
  const engine = {
    enqueue: async ({ tail }: EnqueueArgs) => {
      calls.push(tail.length / 2);
      return { verdicts: "n".repeat(tail.length / 2), states: "" };
    },
  } as unknown as Engine;
  const buffer = new EnqueueBuffer(engine);
  const receipts = await Promise.all(
    envelopes.map((envelope, n) => buffer.add({ id: `t${n}`, idIs: "minted", band: "normal", envelope })),
  );
  expect(receipts.map(({ id }) => id)).toEqual(envelopes.map((_, n) => `t${n}`));
  return calls;
}

test("tasks of one event-loop turn go in calls of 500", async () => {
  expect(await sent(Array(1_200).fill(".t 0\n1"))).toEqual([500, 500, 200]);
});

test("large payloads go fewer at a time, and one that is larger than a call goes alone", async () => {
  const large = `.t 0\n"${"x".repeat(100_000)}"`;
  expect(await sent(Array(7).fill(large))).toEqual([3, 3, 1]);
  expect(await sent([large.repeat(3), large.repeat(3), ".t 0\n1"])).toEqual([1, 1, 1]);
});
