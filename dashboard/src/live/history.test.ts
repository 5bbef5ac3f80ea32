import { expect, it } from "vitest";
import { append, between, type Sample } from "./history.ts";

const sample = (at: number, part: Partial<Sample> = {}): Sample => ({
  at,
  pending: 0,
  processing: 0,
  scheduled: 0,
  dead: 0,
  enqueued: 0,
  acked: 0,
  failed: 0,
  crashed: 0,
  ...part,
});

it("computes rates from the growth of the counters, and counts crashes as failures", () => {
  const later = sample(5_000, { enqueued: 10, acked: 500, failed: 4, crashed: 1 });
  expect(between(sample(0), later)).toEqual({ enqueued: 2, completed: 100, failed: 1 });
});

it("shows no negative rate after a counter was reset", () => {
  expect(between(sample(0, { acked: 900 }), sample(1_000, { acked: 0 })).completed).toBe(0);
});

it("drops a sample that is not newer, and keeps only the newest samples", () => {
  const one = [sample(5)];
  expect(append(one, sample(5))).toBe(one);
  let samples: readonly Sample[] = [];
  for (let at = 1; at <= 1_900; at += 1) samples = append(samples, sample(at));
  expect(samples).toHaveLength(1_800);
  expect(samples.at(-1)?.at).toBe(1_900);
});
