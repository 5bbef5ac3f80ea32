import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Engine, RoundTrip, RoundTripArgs } from "../engine/engine.ts";
import { FRESH } from "../engine/round-trip.ts";
import { HandlerTable } from "./handler-table.ts";
import { LeaseTable } from "./lease-table.ts";
import { MiddlewareChain } from "./middleware.ts";
import { QueueRunner } from "./queue-runner.ts";
import { Runners } from "./runners.ts";
import { Slots } from "./slots.ts";

const NOTHING: RoundTrip = {
  now: 0,
  outcomes: [],
  grants: [],
  expired: [],
  paused: false,
  makeRoom: false,
  solo: false,
  named: 0,
  again: false,
  typed: false,
  ends: false,
  parked: false,
  dueInMs: Number.POSITIVE_INFINITY,
};

/** Replaces the engine. The test gives the answer to each call. */
class ScriptedEngine {
  readonly queue = "work";
  readonly keys = {};
  readonly clockMs = () => 0;
  readonly connection = {
    failedSends: 0,
    now: () => 0,
    // Only flow_advance is called this way.
    script: ({ name }: { name: string }) => this.#call(null, [name]).then(() => [0, 0, 0, 0]),
  };
  readonly asked: {
    /** Null for flow_advance. */
    args: RoundTripArgs | null;
    settled: string[];
    answer: (trip: Partial<RoundTrip>) => Promise<void>;
  }[] = [];

  takeRequest() {
    return { requestSlot: "s", sequence: 1, index: 0 };
  }

  giveRequest() {}

  acquire(args: RoundTripArgs): Promise<RoundTrip> {
    return this.#call(args, []);
  }

  #call(args: RoundTripArgs | null, settled: string[]): Promise<RoundTrip> {
    // The runner acts on an answer at the end of the next turn of the event loop.
    const turns = async () => {
      for (let n = 0; n < 5; n++) await nextTurn();
    };
    return new Promise((resolve) => {
      this.asked.push({
        args,
        settled,
        answer: (trip) => {
          resolve({ ...NOTHING, ...trip });
          return turns();
        },
      });
    });
  }

  settle(verdicts: { id: string }[], args: RoundTripArgs): Promise<RoundTrip> {
    const ids = verdicts.map(({ id }) => id);
    return this.#call(args, ids).then((trip) => ({
      ...trip,
      outcomes: verdicts.map(() => "acked" as const),
    }));
  }
}

/** Makes a runner that never polls. Its handlers end when the test says so, or at once. */
function setup({ total = 2, atOnce = false, aheadMs = 0, onBegin = () => {} } = {}) {
  const engine = new ScriptedEngine();
  const ends: (() => void)[] = [];
  const slots = new Slots(total);
  const runners = new Runners(slots);
  const runner = new QueueRunner(
    {
      engine: engine as unknown as Engine,
      queue: "work",
      index: 0,
      weight: 1,
      rank: 0,
      slots,
      table: new LeaseTable(200),
      handlers: new HandlerTable({
        t: () => {
          onBegin();
          return atOnce ? undefined : new Promise<void>((resolve) => ends.push(resolve));
        },
      }),
      middleware: new MiddlewareChain(),
      leaseMs: 30_000,
      maxRetries: 3,
      pollMs: 1_000_000,
      noHandlerAfterMs: 1_000,
      workerId: "w",
      version: "1",
      aheadMs,
    },
    runners,
    {
      settled: () => {},
      expired: () => {},
      lastTurnMs: 0,
      failed: (error) => {
        throw error;
      },
    },
  );
  runners.all.push(runner);
  const next = async () => {
    for (let n = 0; n < 5; n++) await nextTurn();
    const call = engine.asked.shift();
    if (!call) throw new Error("the runner asks for nothing");
    return call;
  };
  return { runner, engine, ends, next };
}

const grant = (id: string) => ({
  id,
  token: `1-${id}.1`,
  fence: `1-${id}.`,
  envelope: ".t 0\n1",
  past: FRESH,
});

test("a runner that got less than it asked for sleeps until it is woken", async () => {
  const { runner, engine, next } = setup();
  runner.schedule();
  const first = await next();
  expect(first.args).toMatchObject({ want: 2, held: 0, park: true });
  await first.answer({});
  expect(runner.idle).toBe(true);
  expect(engine.asked).toHaveLength(0);
  runner.wake();
  await next();
  runner.close();
});

test.each([0, 1, 2, 3])(
  "a push before the answer that parks its request keeps the runner awake, beside a settle answered %i ticks before",
  async (ticks) => {
    const { runner, engine, ends, next } = setup();
    runner.schedule();
    await (await next()).answer({ grants: [grant("a")] });
    const acquire = await next();
    ends[0]?.();
    const settle = await next();
    expect(settle.settled).toEqual(["a"]);
    const roundTrip = () => ({ ...NOTHING, grants: [grant("b")] });
    runner.granted({ requestSlot: "s", sequence: 1, now: 0, roundTrip });
    const settled = settle.answer({});
    for (let n = 0; n < ticks; n++) await Promise.resolve();
    await Promise.all([settled, acquire.answer({ parked: true })]);
    expect(ends).toHaveLength(2);
    expect(runner.idle).toBe(false);
    expect(engine.asked).toHaveLength(1);
    runner.close();
  },
);

test("a wake-up that overtakes the answer of an acquire is followed by another acquire", async () => {
  const { runner, next } = setup();
  runner.schedule();
  const first = await next();
  // A task was enqueued after Redis had answered the acquire, and the wake-up overtook the answer on another
  // connection.
  runner.wake();
  await first.answer({});
  expect(runner.idle).toBe(false);
  await (await next()).answer({});
  expect(runner.idle).toBe(true);
  runner.close();
});

test("a runner that makes room asks again once it holds nothing, even if an earlier answer put it to sleep", async () => {
  const { runner, engine, ends, next } = setup();
  runner.schedule();
  await (await next()).answer({ grants: [grant("a")], again: true });
  const third = await next();
  expect(third.args).toMatchObject({ want: 1, held: 1 });
  // An earlier answer has said that the queue is empty.
  runner.idle = true;
  await third.answer({ makeRoom: true });
  expect(engine.asked).toHaveLength(0);
  ends[0]?.();
  const settle = await next();
  expect(settle.args).toMatchObject({ want: 1, held: 0 });
  await settle.answer({ grants: [grant("solo")], solo: true });
  // The runner acquires nothing while the solo task runs.
  expect(engine.asked).toHaveLength(0);
  ends[1]?.();
  expect((await next()).args).toMatchObject({ want: 0 });
  runner.close();
});

test("the slot of a task whose verdict is on its way is filled by the same call, and not twice", async () => {
  const { runner, engine, ends, next } = setup();
  runner.schedule();
  await (await next()).answer({ grants: [grant("a"), grant("b")] });
  ends[0]?.();
  const first = await next();
  expect(first).toMatchObject({ settled: ["a"], args: { want: 1, held: 1 } });
  ends[1]?.();
  // The second call asks only for the slot that it frees, because the first call already asks for the other slot.
  const second = await next();
  expect(second).toMatchObject({ settled: ["b"], args: { want: 1 } });
  await second.answer({ grants: [grant("c")] });
  expect(engine.asked).toHaveLength(0);
  await first.answer({ grants: [grant("d")] });
  expect(ends).toHaveLength(4);
  expect(engine.asked).toHaveLength(0);
  runner.close();
});

/**
 * Makes a runner with two slots. Its handlers take 20 ms by a clock that the test moves. Every call gets as many tasks
 * as it asks for.
 */
async function behindBacklog() {
  let nowMs = 1_000;
  const clock = vi
    .spyOn(process, "hrtime")
    .mockImplementation((() => [0, nowMs * 1e6]) as unknown as typeof process.hrtime);
  onTestFinished(() => clock.mockRestore());
  const system = setup({ total: 2, aheadMs: 50 });
  const { runner, ends, next } = system;
  runner.schedule();
  const granted = (from: number, count: number) => ({
    grants: Array.from({ length: count }, (_, n) => grant(`task-${from + n}`)),
  });
  const first = await next();
  await first.answer(granted(0, 2));
  nowMs += 20;
  for (const end of ends.splice(0)) end();
  // The pace is nearly 0.1 tasks per ms, so four tasks are acquired ahead, and eight after a full answer. Two more
  // tasks fill the slots.
  const second = await next();
  expect(second).toMatchObject({ settled: ["task-0", "task-1"], args: { want: 10 } });
  await second.answer(granted(2, 10));
  // After the second full answer the factor is four, which is its limit.
  const third = await next();
  expect(third).toMatchObject({ settled: [], args: { want: 8 } });
  await third.answer(granted(12, 8));
  expect(ends).toHaveLength(2);
  return { ...system, moveMs: (ms: number) => (nowMs += ms) };
}

test("verdicts wait for each other while enough is taken ahead for the slots that become free", async () => {
  const { runner, engine, ends, next, moveMs } = await behindBacklog();
  const endNext = async () => {
    moveMs(10);
    ends.shift()?.();
    for (let n = 0; n < 5; n++) await nextTurn();
  };
  // The next task begins at once, but the settle of the ended one waits.
  await endNext();
  expect(ends).toHaveLength(2);
  await endNext();
  await endNext();
  expect(engine.asked).toHaveLength(0);
  // A call is sent when less than half of the tasks that were acquired ahead are left.
  while (engine.asked.length === 0 && ends.length === 2) await endNext();
  const call = await next();
  expect(call.settled.length).toBeGreaterThan(3);
  expect(call.settled.slice(0, 3)).toEqual(["task-2", "task-3", "task-4"]);
  expect(call.args?.want).toBeGreaterThan(call.settled.length - 1);
  runner.close();
});

test("a verdict waits no longer than half of the time for which tasks are taken ahead", async () => {
  const { runner, engine, ends, next, moveMs } = await behindBacklog();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  ends.shift()?.();
  for (let n = 0; n < 5; n++) await nextTurn();
  expect(engine.asked).toHaveLength(0);
  // The wait is half of `aheadMs` times the factor 4: 50 ms * 4 / 2.
  moveMs(100);
  vi.advanceTimersByTime(99);
  expect(engine.asked).toHaveLength(0);
  vi.advanceTimersByTime(1);
  expect((await next()).settled).toEqual(["task-2"]);
  runner.close();
});

test("a runner that stops does not let its verdicts wait", async () => {
  const { runner, engine, ends, next } = await behindBacklog();
  ends.shift()?.();
  for (let n = 0; n < 5; n++) await nextTurn();
  expect(engine.asked).toHaveLength(0);
  runner.stopAcquiring();
  const call = await next();
  expect(call.settled[0]).toBe("task-2");
  expect(call.args?.want).toBe(0);
  runner.close();
});

test("a runner whose only task was a node asks for the nodes behind it right after flow_advance", async () => {
  const { runner, engine, ends, next } = setup();
  runner.schedule();
  await (await next()).answer({ grants: [{ ...grant("f.a"), envelope: "&t 0\n1" }] });
  await (await next()).answer({ parked: true });
  expect(runner.idle).toBe(true);
  ends[0]?.();
  expect(await next()).toMatchObject({ settled: ["f.a"], args: { want: 0 } });
  const [advance, acquire] = engine.asked.splice(0);
  expect(advance).toMatchObject({ settled: ["flowAdvance"], args: null });
  expect(acquire).toMatchObject({ settled: [], args: { want: 2 } });
  expect(engine.asked).toHaveLength(0);
  runner.close();
});

test("a node beside other tasks is settled together with the next acquire", async () => {
  const { runner, engine, ends, next } = setup();
  runner.schedule();
  await (await next()).answer({ grants: [{ ...grant("f.a"), envelope: "&t 0\n1" }, grant("b")] });
  ends[0]?.();
  expect(await next()).toMatchObject({ settled: ["f.a"], args: { want: 1 } });
  expect(engine.asked.shift()).toMatchObject({ settled: ["flowAdvance"] });
  runner.close();
});

test.each([
  ["not called again", 0, []],
  ["called again if a send failed, since it may have run before the settle", 1, [["flowAdvance"]]],
])("after the answer to a settle of nodes, flow_advance is %s", async (_, failed, again) => {
  const { runner, engine, ends, next } = setup({ total: 1 });
  runner.schedule();
  await (await next()).answer({ grants: [{ ...grant("f.a"), envelope: "&t 0\n1" }] });
  ends[0]?.();
  const settle = await next();
  const [advance, acquire] = engine.asked.splice(0);
  await Promise.all([advance?.answer({}), acquire?.answer({ parked: true })]);
  engine.connection.failedSends += failed;
  await settle.answer({ ends: true });
  expect(engine.asked.map(({ settled }) => settled)).toEqual(again);
  runner.close();
});

test("the first half of a batch that ends at once is on its way to Redis while the second runs", async () => {
  // Each reading of the clock is 0.1 ms later than the last one, so to the runner the handlers look fast.
  let nowMs = 1_000;
  const clock = vi.spyOn(process, "hrtime").mockImplementation((() => {
    nowMs += 0.1;
    return [0, nowMs * 1e6];
  }) as unknown as typeof process.hrtime);
  onTestFinished(() => clock.mockRestore());
  const { runner, engine, next } = setup({ total: 40, atOnce: true, aheadMs: 100 });
  runner.schedule();
  const ids = Array.from({ length: 40 }, (_, n) => `task-${n}`);
  await (await next()).answer({ grants: ids.map(grant) });
  // The runner does not know yet how long its handlers take, so it settles all tasks in one call and not in halves.
  const whole = await next();
  expect(whole.settled).toEqual(ids);
  await whole.answer({ grants: ids.map(grant) });
  const [first, second] = [await next(), await next()];
  expect([first.settled, second.settled]).toEqual([ids.slice(0, 20), ids.slice(20)]);
  // Each call asks for a part of the free slots.
  expect(Math.min(first.args?.want ?? 0, second.args?.want ?? 0)).toBeGreaterThanOrEqual(20);
  // From now on one of the two calls is always unanswered, so no ended task is settled early.
  await first.answer({ grants: ids.slice(0, 30).map(grant) });
  expect((await next()).settled).toEqual(ids.slice(0, 30));
  expect(engine.asked).toHaveLength(0);
  runner.close();
});

test("a worker that holds no task has no timer for its tasks", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const { runner, ends, next } = setup({ total: 1 });
  expect(vi.getTimerCount()).toBe(0);
  runner.schedule();
  await (await next()).answer({ grants: [grant("a")] });
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(1);
  ends[0]?.();
  await (await next()).answer({});
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
  runner.close();
});

test("a cancel that overtakes the answer with its task reaches the handler", async () => {
  const { runner, next } = setup({ total: 1 });
  runner.schedule();
  const first = await next();
  runner.held.cancelRequested("early", "1-early.");
  await first.answer({ grants: [grant("early")] });
  // The runner hands the cancelled task back without beginning it, and Redis then ends it as cancelled.
  expect((await next()).settled).toEqual(["early"]);
  runner.close();
});

test("a handler that begins when another one has ended has no frames of Node in its stack", async () => {
  const stacks: string[] = [];
  const onBegin = () => stacks.push(new Error("here").stack ?? "");
  const { runner, ends, next } = setup({ total: 1, onBegin });
  runner.schedule();
  const first = await next();
  await first.answer({ grants: [grant("a"), grant("b")] });
  ends[0]?.();
  await nextTurn();
  expect(stacks).toHaveLength(2);
  expect(stacks[1]).not.toContain("node:");
  runner.close();
});
