import { expect, test } from "vitest";
import { silent } from "../../test/fakes.ts";
import { type OperationControl, Operations } from "./operations.ts";

const spec = { kind: "replay" as const, queue: "q", total: 10 };

/** Work that a test steers by hand. */
function steered() {
  let control: OperationControl | undefined;
  let finish: (counts: Record<string, number>) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const work = (given: OperationControl) =>
    new Promise<Record<string, number>>((resolve, reject) => {
      control = given;
      finish = resolve;
      fail = reject;
    });
  return {
    work,
    control: () => control,
    finish: (counts: Record<string, number>) => finish(counts),
    fail: (error: Error) => fail(error),
  };
}

test("progress is seen while it runs, and the counts when it succeeded", async () => {
  const operations = new Operations({ logger: silent });
  const hand = steered();
  const { id } = operations.start(spec, hand.work);
  hand.control()?.progress(4);
  expect(operations.get(id)).toMatchObject({ state: "running", done: 4, total: 10, endedAt: null });
  hand.control()?.progress(12);
  expect(operations.get(id)).toMatchObject({ done: 12, total: 12 });
  hand.finish({ replayed: 12 });
  await expect.poll(() => operations.get(id)?.state).toBe("succeeded");
  expect(operations.get(id)?.result).toEqual({ replayed: 12 });
  expect(operations.get(id)?.endedAt).toEqual(expect.any(Number));
});

test("a failure keeps its message", async () => {
  const operations = new Operations({ logger: silent });
  const { id } = operations.start(spec, async () => {
    throw new Error("Redis went away");
  });
  await expect.poll(() => operations.get(id)).toMatchObject({ state: "failed", error: "Redis went away" });
});

test("cancel aborts the work, and the counts so far are kept", async () => {
  const operations = new Operations({ logger: silent });
  const hand = steered();
  const { id } = operations.start(spec, hand.work);
  operations.cancel(id);
  expect(hand.control()?.signal.aborted).toBe(true);
  hand.finish({ replayed: 3 });
  await expect.poll(() => operations.get(id)).toMatchObject({ state: "cancelled", result: { replayed: 3 } });
});

test("an operation that ended is not changed by a cancel", async () => {
  const operations = new Operations({ logger: silent });
  const { id } = operations.start(spec, async () => ({}));
  await expect.poll(() => operations.get(id)?.state).toBe("succeeded");
  expect(operations.cancel(id)?.state).toBe("succeeded");
  expect(operations.cancel("op_none")).toBeNull();
});

test("too many at once are refused, and old ones are forgotten but never running ones", async () => {
  const operations = new Operations({ logger: silent, maxRunning: 2, maxKept: 2 });
  const hand = steered();
  const running = operations.start(spec, hand.work);
  for (let index = 0; index < 5; index++) {
    const { id } = operations.start(spec, async () => ({}));
    await expect.poll(() => operations.get(id)?.state).toBe("succeeded");
  }
  expect(operations.list()).toHaveLength(2);
  expect(operations.get(running.id)?.state).toBe("running");
  const second = steered();
  operations.start(spec, second.work);
  expect(() => operations.start(spec, async () => ({}))).toThrow(
    expect.objectContaining({ code: "rate_limited" }),
  );
  hand.finish({});
  second.finish({});
  await operations.stop();
  expect(operations.list().every(({ state }) => state !== "running")).toBe(true);
});
