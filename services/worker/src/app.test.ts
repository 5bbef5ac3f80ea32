import { expect, test } from "vitest";
import { workerLiveness, workerReadiness } from "./app.ts";

const green = { ok: true, detail: "" };

test("liveness fails only if the worker has stalled", () => {
  expect(workerLiveness({ stalledMs: () => 0 })).toEqual({ ok: true, detail: "it runs" });
  expect(workerLiveness({ stalledMs: () => 30_001 })).toEqual({
    ok: false,
    detail: "slots are free, but the worker has not asked a queue for tasks for 30001 ms",
  });
});

const worker = (ageMs: number, busy: number) => ({ busy, slots: 2, lastGoodPollAgeMs: () => ageMs });

test("a worker is ready while Redis answers and the worker polls or has no free slot", () => {
  expect(workerReadiness(green, worker(900, 0)).ok).toBe(true);
  expect(workerReadiness(green, worker(10_001, 1)).ok).toBe(false);
  expect(workerReadiness(green, worker(600_000, 2)).ok).toBe(true);
  expect(workerReadiness(green, worker(Number.POSITIVE_INFINITY, 0))).toEqual({
    ok: false,
    detail: "no poll yet",
  });
  expect(workerReadiness({ ok: false, detail: "down" }, worker(1, 0)).detail).toBe("down");
});
