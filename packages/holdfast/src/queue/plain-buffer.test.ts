import { expect, test } from "vitest";
import type { Engine } from "../engine/engine.ts";
import { BytesPool } from "../redis/script-call.ts";
import { viewOf } from "../redis/tail-bytes.ts";
import { PlainBuffer, PlainRun } from "./plain-buffer.ts";
import type { PlainResult } from "./plain-tasks.ts";

/** A buffer over an engine that answers when it is told to. */
function setup() {
  const calls: { size: number; answer: (verdicts: string) => void; fail: (error: Error) => void }[] = [];
  const engine = {
    connection: { pool: new BytesPool() },
    enqueue: ({ normal }: { normal: number }) =>
      new Promise((resolve, reject) => {
        calls.push({
          size: normal,
          answer: (verdicts) => resolve({ verdicts, states: "" }),
          fail: reject,
        });
      }),
  } as unknown as Engine;
  const buffer = new PlainBuffer(engine, 0);
  const header = Buffer.from(".t 0\n");
  const push = (count: number) =>
    new Promise<PlainResult>((resolve) => {
      const spans = Array.from({ length: 2 * count }, (_, i) => i);
      const tasks = { bytes: Buffer.from("1,".repeat(count)), types: Array<string>(count).fill("t"), spans };
      buffer.push(
        new PlainRun("q", tasks, new Map([["t", { bytes: header, view: viewOf(header) }]]), resolve),
      );
    });
  const turn = () => new Promise(setImmediate);
  return { buffer, calls, push, turn };
}

test("runs of one turn go in one call, at its end", async () => {
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

test("while two calls are on their way the next one gathers, and goes when one of them is answered", async () => {
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

test("a call that is full is sent whatever is on its way, and no batch is torn that fits into one", async () => {
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
  const runs: Promise<PlainResult>[] = [];
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
