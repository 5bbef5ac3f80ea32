import { expect, test } from "vitest";
import { type Sharer, shareOf } from "./share.ts";

const sharer = (change: Partial<Sharer> = {}): Sharer => ({
  weight: 1,
  rank: 0,
  idle: false,
  taken: 0,
  turnEnd: 0,
  ...change,
});

const slots = (total: number, free: number, virtualTime = 0) => ({ total, free, virtualTime });

test("a queue gets every free slot if the other queues are idle", () => {
  const self = sharer({ weight: 1, taken: 5 });
  expect(shareOf(self, [self, sharer({ weight: 9, idle: true })], slots(10, 5))).toBe(5);
});

test("queues with tasks waiting share the slots by weight", () => {
  const a = sharer({ weight: 6 });
  const b = sharer({ weight: 3 });
  expect(shareOf(a, [a, b], slots(9, 9))).toBe(6);
  expect(shareOf(b, [a, b], slots(9, 9))).toBe(3);
});

test("a queue above its share gets no slots until the other queue has its share", () => {
  const greedy = sharer({ taken: 9 });
  const waiting = sharer({ taken: 0 });
  expect(shareOf(greedy, [greedy, waiting], slots(10, 1))).toBe(0);
  expect(shareOf(waiting, [greedy, waiting], slots(10, 1))).toBe(1);
});

test("with fewer slots than queues, the queues take turns by weight", () => {
  const queues = [sharer({ weight: 2 }), sharer({ weight: 1 })];
  let virtualTime = 0;
  const served: number[] = [];
  for (let n = 0; n < 12; n++) {
    const next = queues.findIndex((queue) => shareOf(queue, queues, slots(1, 1, virtualTime)) === 1);
    served.push(next);
    const queue = queues[next] as Sharer;
    virtualTime = Math.max(virtualTime, queue.turnEnd);
    queues[next] = { ...queue, turnEnd: virtualTime + 1 / queue.weight };
  }
  expect(served.filter((n) => n === 0)).toHaveLength(8);
  expect(served.filter((n) => n === 1)).toHaveLength(4);
});

test("a queue that was idle for a long time gets no additional turns", () => {
  const busy = sharer({ turnEnd: 1_000 });
  const fresh = sharer({ turnEnd: 1 });
  // A queue that was idle begins its turn at the current virtual time, and not where its own last turn ended. Otherwise
  // it would get all slots for the time in which it was idle.
  expect(shareOf(fresh, [busy, fresh], slots(1, 1, 999))).toBe(1);
  expect(shareOf(busy, [busy, { ...fresh, turnEnd: 1_001 }], slots(1, 1, 1_000))).toBe(1);
});

test("in strict order a queue gets slots only while no queue before it has tasks waiting", () => {
  const first = sharer({ rank: 0, taken: 2 });
  const second = sharer({ rank: 1 });
  const parts = [sharer({ rank: 2, weight: 0.5 }), sharer({ rank: 2, weight: 0.5 })];
  const all = [first, second, ...parts];
  expect(shareOf(first, all, slots(10, 8))).toBe(8);
  expect(shareOf(second, all, slots(10, 8))).toBe(0);
  const idle = all.map((one) => (one.rank < 2 ? { ...one, idle: true } : one));
  // Two partitions of one queue divide the slots of the queue.
  expect(parts.map((part) => shareOf(part, idle, slots(10, 8)))).toEqual([5, 5].map((n) => Math.min(n, 8)));
});
