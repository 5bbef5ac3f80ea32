import type { WorkerView } from "@holdfast/contracts";
import { expect, it } from "vitest";
import { queueStats } from "../testing/render.tsx";
import { sortQueues, troubledQueues, waitingWithoutWorkers } from "./rank.ts";

const worker = (queues: string[], state: WorkerView["state"] = "running"): WorkerView => ({
  id: queues.join(),
  queues,
  types: [],
  host: "h",
  pid: 1,
  version: "0",
  slots: 1,
  busy: 0,
  startedAt: 0,
  heartbeatAt: 0,
  heartbeatAgeMs: 0,
  state,
});

it("ignores lost workers and paused queues", () => {
  const queues = [
    queueStats({ queue: "lost", pending: 1 }),
    queueStats({ queue: "paused", pending: 1, paused: true }),
    queueStats({ queue: "empty" }),
    queueStats({ queue: "fine", pending: 1 }),
  ];
  const workers = [worker(["lost"], "lost"), worker(["fine"])];
  expect(waitingWithoutWorkers(queues, workers).map(({ queue }) => queue)).toEqual(["lost"]);
  expect(waitingWithoutWorkers(queues, null)).toEqual([]);
});

it("puts queues that need attention first, then sorts by age, dead letters and depth", () => {
  const queues = [
    queueStats({ queue: "quiet" }),
    queueStats({ queue: "deep", pending: 9_000 }),
    queueStats({ queue: "dead", dead: 1 }),
    queueStats({ queue: "deadest", dead: 7 }),
    queueStats({ queue: "old", pending: 1, oldestPendingAgeMs: 400_000 }),
    queueStats({ queue: "paused", pending: 99, dead: 99, oldestPendingAgeMs: 900_000, paused: true }),
    queueStats({ queue: "unworked", pending: 1 }),
  ];
  const workers = [worker(["quiet", "deep", "dead", "deadest", "old"])];
  expect(sortQueues(queues, workers, "worst").map(({ queue }) => queue)).toEqual([
    "unworked",
    "deadest",
    "dead",
    "old",
    "paused",
    "deep",
    "quiet",
  ]);
  expect(troubledQueues(queues, workers).map(({ queue }) => queue)).toEqual(["dead", "deadest", "unworked"]);
  expect(troubledQueues(queues, null).map(({ queue }) => queue)).toEqual(["dead", "deadest"]);
  expect(sortQueues(queues, workers, "pending")[0]?.queue).toBe("deep");
});
