import { expect, test } from "vitest";
import type { Engine } from "../engine/engine.ts";
import type { EnqueueArgs } from "../engine/enqueue-answer.ts";
import { BytesPool } from "../redis/bytes-pool.ts";
import { viewOf } from "../redis/tail-bytes.ts";
import { CallBuffer } from "./call-buffer.ts";
import type { ColumnsResult } from "./columns.ts";
import type { PreparedTask } from "./new-task.ts";
import { PlainRun } from "./plain-call.ts";

/** Makes a buffer whose engine answers when the test says so. */
function setup() {
  const calls: { size: number; answer: (verdicts: string) => void; fail: (error: Error) => void }[] = [];
  const engine = {
    connection: { pool: new BytesPool() },
    enqueue: ({ normal }: EnqueueArgs) =>
      new Promise((resolve, reject) => {
        calls.push({
          size: normal,
          answer: (verdicts) => resolve({ verdicts, states: "" }),
          fail: reject,
        });
      }),
  } as unknown as Engine;
  const buffer = new CallBuffer(engine, 0);
  const header = Buffer.from(".t 0\n");
  const push = (count: number) =>
    new Promise<ColumnsResult>((resolve) => {
      const spans = Array.from({ length: 2 * count }, (_, i) => i);
      const tasks = { bytes: Buffer.from("1,".repeat(count)), types: Array<string>(count).fill("t"), spans };
      buffer.pushRun(
        new PlainRun("q", tasks, new Map([["t", { bytes: header, view: viewOf(header) }]]), resolve),
      );
    });
  const pushOne = (id: string, idIs: PreparedTask["idIs"] = "minted") =>
    buffer.add({ id, idIs, band: "normal", envelope: ".t 0\n1" });
  const turn = () => new Promise(setImmediate);
  return { buffer, calls, push, pushOne, turn };
}

test("batches of one event-loop turn are sent in one call at the end of the turn", async () => {
  const { calls, push, turn } = setup();
  const runs = [push(3), push(4)];
  expect(calls).toEqual([]);
  await turn();
  expect(calls.map(({ size }) => size)).toEqual([7]);
  calls[0]?.answer("nnnnfnn");
  expect(await Promise.all(runs)).toMatchObject([
    { ids: { length: 3 } },
    {
      ids: null,
      results: [{ ok: true }, { ok: false, error: { code: "queue_full" } }, { ok: true }, { ok: true }],
    },
  ]);
});

test("while two calls are on their way, the next one gathers tasks until one of them is answered", async () => {
  const { calls, push, turn } = setup();
  for (let i = 0; i < 2; i++) {
    void push(1);
    await turn();
    await turn();
  }
  expect(calls).toHaveLength(2);
  void push(10);
  await turn();
  void push(20);
  calls[0]?.answer("n");
  await turn();
  await turn();
  expect(calls.map(({ size }) => size)).toEqual([1, 1, 30]);
});

test("single tasks are gathered by the same rule, and wait for the calls of batches as well", async () => {
  const { calls, push, pushOne, turn } = setup();
  void push(5);
  await turn();
  const first = pushOne("a");
  await turn();
  const others = [pushOne("b"), pushOne("c"), pushOne("d", "given")];
  await turn();
  others.push(pushOne("e"));
  await turn();
  expect(calls.map(({ size }) => size)).toEqual([5, 1]);
  calls[1]?.answer("n");
  expect(await first).toMatchObject({ id: "a", state: "pending", duplicate: false });
  await turn();
  await turn();
  // The task with an id from the caller needs a call of its own, because that call has to look for a task with this id.
  expect(calls.map(({ size }) => size)).toEqual([5, 1, 3, 1]);
  calls[2]?.answer("nfn");
  calls[3]?.answer("n");
  expect(await Promise.allSettled(others)).toMatchObject([
    { value: { id: "b" } },
    { reason: { code: "queue_full", taskId: "c" } },
    { value: { id: "d" } },
    { value: { id: "e" } },
  ]);
});

test("a full call is sent at once, and a batch that fits into one call is not split", async () => {
  const { buffer, calls, push, turn } = setup();
  for (const count of [200, 200, 200, 500, 1_100]) void push(count);
  await turn();
  const drained = buffer.drain();
  expect(calls.map(({ size }) => size)).toEqual([400, 200, 500, 500, 500, 100]);
  for (const { size, answer } of calls) answer("n".repeat(size));
  await drained;
});

test("calls without an answer do not delay others, and each task gets the failure with its id", async () => {
  const { calls, push, turn } = setup();
  const runs: Promise<ColumnsResult>[] = [];
  for (let i = 0; i < 2; i++) {
    runs.push(push(2));
    await turn();
    await turn();
  }
  void push(3);
  await expect.poll(() => calls.map(({ size }) => size)).toEqual([2, 2, 3]);
  calls[0]?.fail(new Error("gone"));
  expect(await runs[0]).toMatchObject({
    ids: null,
    results: [
      { ok: false, error: { code: "internal" } },
      { ok: false, error: { code: "internal" } },
    ],
  });
});

/** Sends tasks to a Redis that accepts all of them. Returns the sizes of the calls and the accepted ids. */
async function sent(envelopes: readonly string[]) {
  const calls: number[] = [];
  const engine = {
    enqueue: async ({ tail }: EnqueueArgs) => {
      calls.push(tail.length / 2);
      return { verdicts: "n".repeat(tail.length / 2), states: "" };
    },
  } as unknown as Engine;
  const buffer = new CallBuffer(engine);
  const receipts = await Promise.all(
    envelopes.map((envelope, n) => buffer.add({ id: `t${n}`, idIs: "minted", band: "normal", envelope })),
  );
  expect(receipts.map(({ id }) => id)).toEqual(envelopes.map((_, n) => `t${n}`));
  return calls;
}

test("tasks of one event-loop turn are sent in calls of 500", async () => {
  expect(await sent(Array(1_200).fill(".t 0\n1"))).toEqual([500, 500, 200]);
});

test("a call holds fewer large payloads, and one that is larger than a call is sent alone", async () => {
  const large = `.t 0\n"${"x".repeat(100_000)}"`;
  expect(await sent(Array(7).fill(large))).toEqual([3, 3, 1]);
  expect(await sent([large.repeat(3), large.repeat(3), ".t 0\n1"])).toEqual([1, 1, 1]);
});
