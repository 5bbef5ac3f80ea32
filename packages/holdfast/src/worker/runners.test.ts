import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Engine, RoundTrip, RoundTripArgs, Verdict } from "../engine/engine.ts";
import { FRESH, parsePush } from "../engine/round-trip.ts";
import type { Request } from "../engine/task-scripts.ts";
import { HandlerTable } from "./handler-table.ts";
import { LeaseReader } from "./lease-reader.ts";
import { LeaseTable, monotonicMs } from "./lease-table.ts";
import { oldestAnswerAgeMs, stalledMs } from "./liveness.ts";
import { MiddlewareChain } from "./middleware.ts";
import { QueueRunner } from "./queue-runner.ts";
import { Runners } from "./runners.ts";
import { Slots } from "./slots.ts";

const POLL_MS = 1_000_000_000;
// Every THREAD_MS the heartbeat thread hands back tasks that have waited AHEAD_MS for a slot (heartbeat-thread.ts).
const AHEAD_MS = 50;
const THREAD_MS = 25;
const SETTLED_MS = 2_000;
// A fake call takes 2 ms, and the runners may ask several queues one after the other.
const IDLE_MS = 40;

interface FakeTask {
  id: string;
  runMs: number;
  solo: boolean;
}

/**
 * A fake queue in Redis with one worker. It has a pending list, leases and a parked request, and answers after one
 * millisecond.
 */
class FakeQueue {
  readonly connection = { now: () => 0 };
  readonly queue: string;
  pending: FakeTask[] = [];
  readonly leased = new Map<string, FakeTask>();
  readonly completed: string[] = [];
  /** How many calls settled tasks. */
  settles = 0;
  /** Whether calls fail, as if the Cluster node of this queue were down. */
  isAway = false;
  #parked: { request: Request; nonce: string; want: number } | null = null;
  readonly #granted = new Map<number, FakeTask[]>();
  #sequence = 0;
  #runner: QueueRunner | undefined;

  constructor(name: string) {
    this.queue = name;
  }

  attach(runner: QueueRunner): void {
    this.#runner = runner;
  }

  takeRequest() {
    return { requestSlot: this.queue, sequence: ++this.#sequence, index: 0 };
  }

  giveRequest() {}

  async timings() {}

  async acquire(args: RoundTripArgs, request: Request): Promise<RoundTrip> {
    await after(1);
    if (this.isAway) throw new Error("away");
    const trip = this.#take(args, request);
    await after(1);
    return trip;
  }

  async settle(verdicts: readonly Verdict[], args: RoundTripArgs, request: Request): Promise<RoundTrip> {
    await after(1);
    this.settles++;
    let released = false;
    const outcomes = verdicts.map(({ kind, id }) => {
      const task = this.leased.get(id);
      this.leased.delete(id);
      if (kind === "ack") {
        this.completed.push(id);
        return "acked" as const;
      }
      if (task) this.pending.unshift(task);
      released = true;
      return "released" as const;
    });
    const trip = released ? this.#roundTrip([]) : this.#take({ ...args, park: false }, request);
    if (released) this.#wake();
    await after(1);
    return { ...trip, outcomes };
  }

  enqueue(tasks: FakeTask[]): void {
    const alone = this.pending.length === 0;
    this.pending.push(...tasks);
    const parked = this.#parked;
    const pushes =
      alone && parked && tasks.length <= Math.min(32, parked.want) && !tasks.some((task) => task.solo);
    if (!pushes) {
      this.#wake();
      return;
    }
    this.#parked = null;
    const grants = this.#lease(tasks.length);
    this.#granted.set(parked.request.sequence, grants);
    const { requestSlot, sequence } = parked.request;
    const envelopes = grants.map(envelopeOf);
    const lines = grants.map(({ id }, i) => `${id} - ${envelopes[i]?.length}\n`);
    const head = `${requestSlot} ${sequence} 0 1 ${tasks.length}\n`;
    const push = parsePush(Buffer.from(head + lines.join("") + envelopes.join("")));
    if (push) void after(1).then(() => this.#runner?.granted(push));
  }

  /** Hands back a task that waits for a slot, as the heartbeat thread does. */
  handBack(id: string): void {
    const task = this.leased.get(id);
    if (!task) return;
    this.leased.delete(id);
    this.pending.unshift(task);
    this.#wake();
  }

  #wake(): void {
    if (!this.#parked) return;
    this.#parked = null;
    void after(1).then(() => this.#runner?.wake());
  }

  #take(args: RoundTripArgs, request: Request): RoundTrip {
    const again = this.#granted.get(request.sequence);
    if (again) return this.#roundTrip(again);
    const solo = this.pending.find((task) => task.solo);
    if (solo && args.want > 0) {
      if (args.held > 0) return { ...this.#roundTrip([]), makeRoom: true };
      this.pending = this.pending.filter((task) => task !== solo);
      this.leased.set(solo.id, solo);
      this.#granted.set(request.sequence, [solo]);
      return { ...this.#roundTrip([solo]), solo: true };
    }
    const grants = this.#lease(args.want);
    if (grants.length > 0) this.#granted.set(request.sequence, grants);
    const parks = args.park === true && grants.length === 0;
    if (parks) this.#parked = { request, nonce: args.nonce, want: args.want };
    return { ...this.#roundTrip(grants), parked: parks };
  }

  #lease(count: number): FakeTask[] {
    const tasks = this.pending.splice(0, count);
    for (const task of tasks) this.leased.set(task.id, task);
    return tasks;
  }

  #roundTrip(tasks: FakeTask[]): RoundTrip {
    const grants = tasks.map((task, at) => ({
      id: task.id,
      token: `1-n.${at + 1}`,
      fence: "1-n",
      envelope: envelopeOf(task),
      past: FRESH,
    }));
    const no = {
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
    return { now: 0, outcomes: [], grants, expired: [], ...no };
  }
}

const envelopeOf = ({ runMs, solo }: FakeTask) => `.${solo ? "solo" : "t"} 0\n${runMs}`;
const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A worker with several queues, its heartbeat thread and its running tasks, all simulated. */
class World {
  readonly slots: Slots;
  readonly table: LeaseTable;
  readonly runners: Runners;
  readonly queues: FakeQueue[];
  running = 0;
  started = 0;
  soloRuns = false;
  /** Descriptions of what the runners did wrong. */
  readonly broken: string[] = [];
  readonly #timers: NodeJS.Timeout[];
  #idleMs = 0;
  #startedBefore = 0;

  constructor(total: number, weights: number[], aheadMs: number) {
    this.slots = new Slots(total);
    this.table = new LeaseTable(total * 2 + 1_024);
    this.runners = new Runners(this.slots);
    this.queues = weights.map((_, at) => new FakeQueue(`q${at}`));
    const run = async (solo: boolean, ms: number) => {
      if (this.soloRuns || (solo && this.running > 0)) this.broken.push("a solo task ran beside another");
      this.running++;
      this.started++;
      if (this.running > total) this.broken.push("more handlers ran than there are slots");
      this.soloRuns = solo;
      if (ms > 0) await after(ms);
      this.soloRuns = false;
      this.running--;
    };
    const handlers = new HandlerTable({
      t: (task) => run(false, Number(task.payload)),
      solo: (task) => run(true, Number(task.payload)),
    });
    weights.forEach((weight, index) => {
      const engine = this.queues[index] as FakeQueue;
      const runner = new QueueRunner(
        {
          engine: engine as unknown as Engine,
          queue: "work",
          ...{
            index,
            weight,
            rank: 0,
            slots: this.slots,
            table: this.table,
            handlers,
            middleware: new MiddlewareChain(),
            leaseMs: 30_000,
            maxRetries: 3,
          },
          ...{
            pollMs: POLL_MS,
            noHandlerAfterMs: 1_000,
            workerId: "w",
            version: "1",
            aheadMs,
          },
        },
        this.runners,
        {
          settled: () => {},
          expired: () => {},
          lastTurnMs: 0,
          failed: (error) => this.broken.push(error.message),
        },
      );
      engine.attach(runner);
      this.runners.all.push(runner);
    });
    const leases = new LeaseReader(this.table.buffer);
    const thread = () => {
      for (const entry of leases.readBuffered(monotonicMs() - AHEAD_MS))
        if (leases.handBack(entry)) this.queues[entry.part]?.handBack(entry.id);
    };
    this.#timers = [setInterval(thread, THREAD_MS), setInterval(() => this.#watch(), 1)];
    for (const runner of this.runners.all) runner.schedule();
  }

  /**
   * Checks each millisecond whether there is a free slot and a waiting task while no task begins. This may last as long
   * as a few calls take, or longer if a task has to run alone.
   */
  #watch(): void {
    const tasks = this.queues.flatMap((queue) => [...queue.pending, ...queue.leased.values()]);
    const idles =
      this.started === this.#startedBefore &&
      tasks.length > this.running &&
      this.running < this.slots.total &&
      !tasks.some((task) => task.solo);
    this.#startedBefore = this.started;
    this.#idleMs = idles ? this.#idleMs + 1 : 0;
    if (this.#idleMs === IDLE_MS) this.broken.push(`a slot was free for ${IDLE_MS} ms while a task waited`);
  }

  get waiting(): number {
    return this.queues.reduce((sum, queue) => sum + queue.pending.length, 0);
  }

  get ended(): number {
    return this.queues.reduce((sum, queue) => sum + queue.completed.length, 0);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const runner of this.runners.all) runner.close();
  }
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "hrtime"],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Arrival {
  queue: number;
  tasks: { runMs: number; solo: boolean }[];
  thenMs: number;
}

async function play(total: number, weights: number[], aheadMs: number, arrivals: Arrival[]): Promise<World> {
  const world = new World(total, weights, aheadMs);
  let count = 0;
  // Enough time for every queue to park a request.
  await vi.advanceTimersByTimeAsync(20);
  for (const { queue, tasks, thenMs } of arrivals) {
    world.queues[queue % weights.length]?.enqueue(tasks.map((task) => ({ ...task, id: `t${count++}` })));
    await vi.advanceTimersByTimeAsync(thenMs);
  }
  // Every task runs for less than SETTLED_MS, so if none ends within that time, none will ever end.
  for (let ended = -1; ended < world.ended && world.ended < count; ) {
    ended = world.ended;
    await vi.advanceTimersByTimeAsync(SETTLED_MS);
  }
  return world;
}

test("two queues whose tasks arrive while the only slot is taken both get it when it is free", async () => {
  const one = (queue: number, runMs: number) => ({ queue, tasks: [{ runMs, solo: false }], thenMs: 0 });
  const world = await play(1, [1, 1, 1], 5, [{ ...one(0, 600), thenMs: 50 }, one(1, 1), one(2, 1)]);
  expect([world.ended, world.waiting, world.broken]).toEqual([3, 0, []]);
  expect(stalledMs(world.runners.all, world.slots)).toBe(0);
  world.close();
});

test("while a slot is free and a task waits, a task is granted, in any order of arrivals", async () => {
  const task = fc.record({
    runMs: fc.constantFrom(0, 0, 1, 5, 30, 60, 200, 700),
    solo: fc.constantFrom(false, false, false, false, false, false, true),
  });
  const arrival = fc.record({
    queue: fc.nat({ max: 7 }),
    tasks: fc.array(task, { minLength: 1, maxLength: 6 }),
    thenMs: fc.constantFrom(0, 0, 0, 1, 2, 3, 10, 55, 120),
  });
  const settings = fc.tuple(
    fc.integer({ min: 1, max: 6 }),
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }),
    fc.constantFrom(0, 5),
    fc.array(arrival, { minLength: 1, maxLength: 25 }),
  );
  const runs = Number(process.env.HOLDFAST_MODEL_RUNS ?? 100);
  await fc.assert(
    fc.asyncProperty(settings, async ([total, weights, aheadMs, arrivals]) => {
      const world = await play(total, weights, aheadMs, arrivals);
      const count = arrivals.reduce((sum, { tasks }) => sum + tasks.length, 0);
      const seen = { ended: world.ended, waiting: world.waiting, broken: world.broken };
      const stalled = stalledMs(world.runners.all, world.slots);
      world.close();
      expect(seen).toEqual({ ended: count, waiting: 0, broken: [] });
      expect(stalled).toBe(0);
    }),
    { numRuns: runs },
  );
});

const backlog = (name: string, count: number, runMs: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `${name}-${n}`, runMs, solo: false }));

test("queues with quick handlers share the slots by weight, and take tasks ahead", async () => {
  const world = new World(12, [3, 1], 5);
  const [heavy, light] = world.queues as [FakeQueue, FakeQueue];
  heavy.enqueue(backlog("heavy", 5_000, 1));
  light.enqueue(backlog("light", 5_000, 1));
  await vi.advanceTimersByTimeAsync(300);
  const [most, least] = [heavy.completed.length, light.completed.length];
  expect(most / least).toBeGreaterThan(2.5);
  expect(most / least).toBeLessThan(3.5);
  // Without tasks ahead, a slot would be empty during each call of 2 ms, so at most 4 tasks per ms would end.
  expect(most + least).toBeGreaterThan(300 * 8);
  expect(most / heavy.settles).toBeGreaterThan(9);
  expect(world.broken).toEqual([]);
  world.close();
});

test("a queue that gets its first tasks while another one uses every slot soon has its share", async () => {
  const world = new World(10, [1, 1], 5);
  const [first, second] = world.queues as [FakeQueue, FakeQueue];
  first.enqueue(backlog("first", 9_000, 1));
  await vi.advanceTimersByTimeAsync(100);
  second.enqueue(backlog("second", 5_000, 1));
  await vi.advanceTimersByTimeAsync(30);
  const [before, after] = [first.completed.length, second.completed.length];
  await vi.advanceTimersByTimeAsync(100);
  const [ended, endedOfSecond] = [first.completed.length - before, second.completed.length - after];
  expect(endedOfSecond / (ended + endedOfSecond)).toBeGreaterThan(0.4);
  expect(endedOfSecond / (ended + endedOfSecond)).toBeLessThan(0.6);
  expect(world.broken).toEqual([]);
  world.close();
});

test("queues with slow handlers take nothing ahead, also beside a queue with quick ones", async () => {
  const world = new World(8, [1, 1], 5);
  const [slow, quick] = world.queues as [FakeQueue, FakeQueue];
  slow.enqueue(backlog("slow", 100, 900));
  await vi.advanceTimersByTimeAsync(50);
  expect(slow.leased.size).toBe(8);
  quick.enqueue(backlog("quick", 4_000, 1));
  await vi.advanceTimersByTimeAsync(1_200);
  expect(slow.leased.size).toBeLessThanOrEqual(5);
  expect(quick.completed.length).toBeGreaterThan(1_000);
  world.close();
});

test("a queue whose node does not answer holds up no other queue, and continues when the node answers again", async () => {
  for (const total of [1, 3]) {
    const world = new World(total, [1, 1, 1], 5);
    const [away, near] = world.queues as [FakeQueue, FakeQueue];
    away.isAway = true;
    await vi.advanceTimersByTimeAsync(2_000);
    near.enqueue(Array.from({ length: 6 }, (_, n) => ({ id: `near-${n}`, runMs: 5, solo: n === 3 })));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(near.completed).toHaveLength(6);
    // When the node comes back, all slots are in use, so the solo tasks have to wait for the tasks of the other queue.
    near.enqueue(Array.from({ length: 6 }, (_, n) => ({ id: `long-${n}`, runMs: 1_500, solo: false })));
    away.enqueue(Array.from({ length: 6 }, (_, n) => ({ id: `away-${n}`, runMs: 5, solo: n % 3 === 0 })));
    await vi.advanceTimersByTimeAsync(50);
    away.isAway = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect([total, world.ended, world.waiting]).toEqual([total, 18, 0]);
    expect(world.broken.filter((what) => what !== "away" && !what.startsWith("a slot was free"))).toEqual([]);
    world.close();
  }
});

test("when a slot becomes free, every queue begins the tasks that it took ahead, and asks for more unless it sleeps", () => {
  const told: string[] = [];
  const runners = new Runners(new Slots(1));
  for (const [name, idle] of [
    ["busy", false],
    ["asleep", true],
  ] as const) {
    const held = { begin: () => told.push(`${name} begins`) };
    runners.all.push({ held, idle, schedule: () => told.push(`${name} asks`) } as unknown as QueueRunner);
  }
  runners.changed();
  expect(told).toEqual(["busy begins", "busy asks", "asleep begins"]);
});

test("a queue that neither sleeps nor asks while a slot is free is reported as stalled", async () => {
  const world = new World(1, [1, 1], 5);
  await vi.advanceTimersByTimeAsync(20);
  expect([
    stalledMs(world.runners.all, world.slots),
    oldestAnswerAgeMs(world.runners.all, world.slots) < 50,
  ]).toEqual([0, true]);
  // The runners of this test never poll. With the shorter `pollMs` that is set below, each should have polled long ago.
  await vi.advanceTimersByTimeAsync(10_000);
  expect(oldestAnswerAgeMs(world.runners.all, world.slots)).toBeGreaterThan(9_000);
  vi.advanceTimersByTime(0);
  const [first] = world.runners.all;
  Object.defineProperty(first, "pollMs", { value: 1_000 });
  Object.defineProperty(world.runners.all[1], "pollMs", { value: 1_000 });
  expect(stalledMs(world.runners.all, world.slots)).toBeGreaterThan(8_000);
  world.close();
});

test("a worker keeps the pushed tasks for which it has slots or which quick handlers may take ahead", () => {
  const kept = (change: Partial<Slots>, granted: number, { ahead = 0, isAlone = true } = {}) => {
    const runners = new Runners(Object.assign(new Slots(10), change));
    const runner = { ahead } as unknown as QueueRunner;
    runners.all.push(runner, { idle: isAlone, trips: { silent: false } } as unknown as QueueRunner);
    return runners.kept(runner, granted);
  };
  expect([kept({}, 3), kept({}, 10), kept({}, 12)]).toEqual([3, 10, 10]);
  expect([kept({ held: 9 }, 1), kept({ held: 10 }, 1), kept({ held: 12 }, 1)]).toEqual([1, 0, 0]);
  expect([kept({ held: 10, settling: 1 }, 2), kept({ held: 10, settling: 1, reserved: 1 }, 2)]).toEqual([
    1, 0,
  ]);
  expect(kept({ held: 10 }, 9, { ahead: 4 })).toBe(4);
  expect(kept({ held: 10 }, 9, { ahead: 4, isAlone: false })).toBe(0);
  expect([kept({ exclusive: true }, 1), kept({ makesRoomFor: {} }, 1)]).toEqual([0, 0]);
});
