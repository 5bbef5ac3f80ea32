import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CALL_TASKS, type Claim, earlyVerdicts, gathers, roomIsFor, type Situation, wish } from "./policy.ts";

/** Makes the numbers of an idle worker with ten slots and one queue. */
const situation = (change: Partial<Situation> = {}): Situation => ({
  ...{ slots: 10, running: 0, held: 0, settling: 0, reserved: 0, inFlight: 0, tableFree: 1_000 },
  ...{
    exclusive: false,
    makesRoomFor: "nobody",
    yields: false,
    idle: false,
    alone: true,
    ahead: 0,
    inHalves: false,
    unsent: 0,
    callTasks: CALL_TASKS,
  },
  ...change,
});
/** The limits of a queue that may fill all free slots and whose share is half of ten slots. */
const claim = (change: Partial<Claim> = {}): Claim => ({
  share: (free) => free,
  quota: () => 5,
  taken: 0,
  pace: () => 0,
  ...change,
});
const all = claim();
const want = (change: Partial<Situation>, settled = 0, ofQueue = all) =>
  wish(situation(change), settled, ofQueue)?.want ?? 0;

/** Random but consistent numbers: a worker settles and runs no more tasks than it holds. */
const situations = fc
  .record({
    slots: fc.integer({ min: 1, max: 400 }),
    taken: fc.array(fc.nat({ max: 200 }), { minLength: 4, maxLength: 4 }),
    ahead: fc.nat({ max: 400 }),
    inFlight: fc.nat({ max: 2 }),
    tableFree: fc.nat({ max: 2_000 }),
    alone: fc.boolean(),
    inHalves: fc.boolean(),
  })
  .map(({ taken: [running = 0, waiting = 0, settling = 0, reserved = 0], ...rest }) =>
    situation({
      ...rest,
      running: Math.min(running, rest.slots),
      held: running + waiting + settling,
      settling,
      reserved,
    }),
  );

describe("the number of tasks to ask for", () => {
  test("an idle worker asks for tasks for all its slots; a worker that stops, sleeps or runs a task alone asks for none", () => {
    expect(want({})).toBe(10);
    for (const state of ["yields", "idle", "exclusive"] as const) expect(want({ [state]: true })).toBe(0);
  });

  test("held and requested tasks take slots, and settled tasks have freed theirs", () => {
    expect(want({ held: 6 })).toBe(4);
    expect(want({ held: 6, reserved: 3 })).toBe(1);
    expect(want({ held: 10 })).toBe(0);
    expect(want({ held: 10 }, 3)).toBe(3);
    expect(want({ held: 10, settling: 2 })).toBe(2);
  });

  test("a worker that runs batches asks for a whole batch when it sends the first verdicts of the last batch", () => {
    expect(want({ slots: 500, held: 500, unsent: 250, callTasks: 500 }, 250)).toBe(500);
    expect(want({ slots: 500, held: 500, callTasks: 500 }, 250)).toBe(250);
    expect(want({ slots: 1_000, callTasks: 500 })).toBe(500);
  });

  test("a worker that makes room asks for one task when it holds none, and only for the queue that needs the room", () => {
    expect(want({ makesRoomFor: "this queue" })).toBe(1);
    expect(want({ makesRoomFor: "this queue", held: 1 })).toBe(0);
    expect(want({ makesRoomFor: "this queue", reserved: 1 })).toBe(0);
    expect(want({ makesRoomFor: "another queue" })).toBe(0);
  });

  test("quick handlers get tasks ahead of their slots, unless another call without verdicts is on its way", () => {
    expect(want({ ahead: 5 })).toBe(15);
    expect(want({ ahead: 5, held: 10 })).toBe(5);
    expect(want({ ahead: 5, held: 12 })).toBe(3);
    expect(want({ ahead: 5, held: 10, inFlight: 1 })).toBe(0);
    expect(want({ ahead: 5, held: 10, inFlight: 1 }, 2)).toBe(7);
  });

  test("beside other queues, a queue with quick handlers gets tasks ahead of its share of the slots", () => {
    const beside = (change: Partial<Situation>, ofQueue: Partial<Claim>) =>
      want({ alone: false, held: 10, ahead: 6, ...change }, 0, claim(ofQueue));
    expect(beside({}, { taken: 5 })).toBe(6);
    expect(beside({}, { taken: 9 })).toBe(2);
    expect(beside({}, { taken: 11 })).toBe(0);
    expect(beside({ inFlight: 1 }, { taken: 5 })).toBe(0);
    expect(beside({ ahead: 0 }, { taken: 5 })).toBe(0);
    // The quota is 0 if another queue is served first, or if there are more queues than slots.
    expect(beside({}, { quota: () => 0 })).toBe(0);
  });

  test("a queue whose share others use asks for as many tasks as the worker ends soon", () => {
    const beside = (pace: number, taken: number) =>
      want({ alone: false, held: 10 }, 0, claim({ taken, pace: () => pace }));
    expect(beside(3, 0)).toBe(3);
    expect(beside(30, 1)).toBe(4);
    expect(beside(30, 7)).toBe(0);
    // Handlers that run for long will not free a slot soon.
    expect(beside(0, 0)).toBe(0);
  });

  test("a large batch is sent in two equal calls, a small one in one", () => {
    expect(wish(situation({ slots: 20, ahead: 20 }), 0, all)).toEqual({ want: 20, inHalves: true });
    expect(wish(situation({ slots: 10, ahead: 21 }), 0, all)).toEqual({ want: 31, inHalves: false });
    // A worker with several queues does not decide anew whether to split its batches.
    expect(wish(situation({ alone: false, inHalves: true }), 0, all)?.inHalves).toBe(true);
  });

  test("a worker never asks for more than a call, the table, or its slots and tasks ahead can hold, and asks for something while it has a free slot", () => {
    fc.assert(
      fc.property(situations, fc.nat({ max: 300 }), fc.nat({ max: 400 }), (now, settled, portion) => {
        const share = (free: number) => Math.min(free, portion);
        // Another queue holds no task, and half of the slots belong to it.
        const taken = now.held - Math.min(settled, now.held) + now.reserved - now.settling;
        const ofQueue = claim({ share, quota: () => now.slots >> 1, taken, pace: () => now.ahead });
        const { want } = wish(now, Math.min(settled, now.held), ofQueue) ?? { want: 0 };
        const free = now.slots - taken;
        expect(Number.isInteger(want)).toBe(true);
        expect(want).toBeGreaterThanOrEqual(0);
        expect(want).toBeLessThanOrEqual(Math.min(CALL_TASKS, now.tableFree, Math.max(0, free + now.ahead)));
        if (free > 0 && portion > 0 && now.tableFree > 0) expect(want).toBeGreaterThan(0);
      }),
    );
  });
});

describe("verdicts wait for others", () => {
  const full = { running: 10, held: 20, ahead: 10 };

  test("only while every slot is busy and enough is taken ahead", () => {
    expect(gathers(situation(full), 1, 5)).toBe(true);
    expect(gathers(situation(full), 1, 4)).toBe(false);
    expect(gathers(situation({ ...full, ahead: 0 }), 1, 0)).toBe(false);
    expect(gathers(situation({ ...full, running: 9 }), 1, 5)).toBe(false);
  });

  test("never if a call is full, another queue has tasks, or the worker stops or drains", () => {
    expect(gathers(situation(full), 0, 5)).toBe(false);
    expect(gathers(situation(full), CALL_TASKS, 5)).toBe(false);
    for (const change of [
      { alone: false },
      { yields: true },
      { exclusive: true },
      { makesRoomFor: "this queue" as const },
    ])
      expect(gathers(situation({ ...full, ...change }), 1, 5)).toBe(false);
  });
});

test("verdicts for half of the last grants are sent early, but never fewer than eight", () => {
  expect([0, 15, 16, 17, 250].map(earlyVerdicts)).toEqual([8, 8, 8, 8, 125]);
});

test("the room that a worker makes is for one of its runners", () => {
  const [one, other] = [{}, {}];
  expect(roomIsFor(null, one)).toBe("nobody");
  expect(roomIsFor(one, one)).toBe("this queue");
  expect(roomIsFor(other, one)).toBe("another queue");
});
