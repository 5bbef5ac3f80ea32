import { expect, it } from "vitest";
import type { QueueRates } from "../../api/queues.ts";
import { drainOf } from "./drain.ts";

const rates = (part: Partial<QueueRates>): QueueRates => ({
  enqueuedPerSecond: 0,
  attemptsPerSecond: 0,
  completedPerSecond: 0,
  failedPerSecond: 0,
  retriedPerSecond: 0,
  deadLetteredPerSecond: 0,
  drainSeconds: null,
  ...part,
});

it("shows the time that the service computes, or says why there is none", () => {
  const waiting = { pending: 100, paused: false };
  expect(drainOf({ pending: 0, paused: true }, rates({}))).toEqual({ text: "empty", look: "quiet" });
  expect(drainOf({ pending: 1, paused: true }, rates({ drainSeconds: 1 }))).toEqual({
    text: "paused",
    look: "quiet",
  });
  expect(drainOf(waiting, undefined)).toEqual({ text: "–", look: "quiet" });
  expect(drainOf(waiting, rates({ completedPerSecond: 9, drainSeconds: 75.2 }))).toEqual({
    ...{ text: "1 min 15 s", look: "plain" },
  });
  expect(drainOf(waiting, rates({ enqueuedPerSecond: 2, completedPerSecond: 1 })).text).toBe("grows");
  expect(drainOf(waiting, rates({}))).toEqual({ text: "stands", look: "alarm" });
  expect(drainOf(waiting, rates({ enqueuedPerSecond: 1, completedPerSecond: 1 })).text).toBe("stands");
});
