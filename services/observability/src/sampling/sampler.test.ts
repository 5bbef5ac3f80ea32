import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { silent, statsOf } from "../../test/fakes.ts";
import { type Sample, Sampler } from "./sampler.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const observing = (snapshot: () => Promise<ReturnType<typeof statsOf>[]>) => ({
  snapshot,
  workers: async () => [],
});

test("samples once a second, and twice a second while at least one client watches", async () => {
  const snapshot = vi.fn(async () => [statsOf("q")]);
  const sampler = new Sampler({ observer: observing(snapshot), logger: silent });
  sampler.start();
  await vi.advanceTimersByTimeAsync(4_500);
  expect(snapshot).toHaveBeenCalledTimes(5);
  const leave = [1, 2, 3].map(() => sampler.subscribe(() => undefined));
  await vi.advanceTimersByTimeAsync(500);
  snapshot.mockClear();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(snapshot).toHaveBeenCalledTimes(10);
  for (const end of leave) end();
  await sampler.stop();
  snapshot.mockClear();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(snapshot).not.toHaveBeenCalled();
});

test("without Redis, a sample says so and has the last known counts", async () => {
  let isUp = true;
  const sampler = new Sampler({
    observer: observing(async () => {
      if (!isUp) throw new Error("down");
      return [statsOf("q", { pending: 7 })];
    }),
    logger: silent,
  });
  const seen: Sample[] = [];
  sampler.subscribe((sample) => seen.push(sample));
  sampler.start();
  await vi.advanceTimersByTimeAsync(0);
  isUp = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(seen.map(({ redisUp }) => redisUp)).toEqual([true, false, false]);
  expect(seen[2]?.queues[0]?.pending).toBe(7);
  expect(seen[2]?.sampledAt).toBe(seen[0]?.sampledAt);
  isUp = true;
  await vi.advanceTimersByTimeAsync(500);
  expect(seen.at(-1)?.redisUp).toBe(true);
  await sampler.stop();
});

test("a Redis that hangs counts as down after two seconds and gets only one call", async () => {
  const hanging: (() => void)[] = [];
  const snapshot = vi.fn(() => new Promise<never[]>((resolve) => hanging.push(() => resolve([]))));
  const sampler = new Sampler({ observer: observing(snapshot), logger: silent });
  const seen: boolean[] = [];
  sampler.subscribe(({ redisUp }) => seen.push(redisUp));
  sampler.start();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(seen).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(seen).toEqual([false, false]);
  expect(snapshot).toHaveBeenCalledTimes(1);
  for (const answer of hanging) answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(seen.at(-1)).toBe(true);
  const stopped = sampler.stop();
  for (const answer of hanging) answer();
  await stopped;
});
