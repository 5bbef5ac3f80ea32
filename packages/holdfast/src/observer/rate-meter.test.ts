import { expect, test } from "vitest";
import { statsOf } from "../../test/support/views.ts";
import { RateMeter } from "./rate-meter.ts";

const sample = (at: number, acked: number, queue = "q") => statsOf({ at, queue }, { acked });

test("acks per second between the first and the last snapshot", () => {
  const meter = new RateMeter();
  meter.observe(sample(0, 100));
  meter.observe(sample(2_000, 150));
  expect(meter.acksPerSecond("q")).toBe(25);
  meter.observe(sample(4_000, 500));
  expect(meter.acksPerSecond("q")).toBe(100);
});

test("0 for an unknown queue, a single snapshot, or less than a second", () => {
  const meter = new RateMeter();
  expect(meter.acksPerSecond("q")).toBe(0);
  meter.observe(sample(0, 100));
  expect(meter.acksPerSecond("q")).toBe(0);
  meter.observe(sample(999, 1_000));
  expect(meter.acksPerSecond("q")).toBe(0);
});

test("a snapshot that follows within a second is not kept", () => {
  const meter = new RateMeter();
  for (let at = 0; at <= 5_000; at += 10) meter.observe(sample(at, at / 10));
  expect(meter.acksPerSecond("q")).toBe(100);
});

test("snapshots older than half a minute are forgotten", () => {
  const meter = new RateMeter();
  meter.observe(sample(0, 0));
  meter.observe(sample(10_000, 1_000_000));
  meter.observe(sample(40_000, 1_000_030));
  expect(meter.acksPerSecond("q")).toBe(1);
});

test("each queue has its own rate", () => {
  const meter = new RateMeter();
  for (const at of [0, 1_000]) {
    meter.observe(sample(at, at / 100, "slow"));
    meter.observe(sample(at, at, "fast"));
  }
  expect([meter.acksPerSecond("slow"), meter.acksPerSecond("fast")]).toEqual([10, 1_000]);
});
