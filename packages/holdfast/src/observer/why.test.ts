import type { QueueStats, TaskKeyView, TaskView, WorkerView } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { statsOf, taskViewOf, workerViewOf } from "../../test/support/views.ts";
import type { KeysPage } from "../engine/limits.ts";
import type { StoredLimit } from "../engine/shared-limits.ts";
import { explain } from "./why.ts";

interface Case {
  task?: Partial<TaskView>;
  stats?: Partial<QueueStats>;
  workers?: WorkerView[];
  position?: number | null;
  acksPerSecond?: number;
  janitors?: number;
  limits?: KeysPage;
  shared?: StoredLimit[];
}

/** Makes the limits of a queue without limits, except for the given fields of the queue and of the task's key. */
const keysPage = (limits: Partial<KeysPage["limits"]> = {}, key?: Partial<TaskKeyView>): KeysPage => ({
  limits: {
    ...{ queue: "q", at: 0, limits: {}, types: [], running: 0 },
    ...{ heldUntil: null, blockedBy: null, nextAt: null },
    ...limits,
  },
  shares: [],
  keys: key
    ? [
        {
          ...{ key: "acme", waiting: 1, running: 0, limit: null, limitUntil: null },
          ...{ heldUntil: null, blockedBy: null, nextAt: null },
          ...key,
        },
      ]
    : [],
  cursor: null,
});

const why = ({ task, stats, workers = [workerViewOf()], position = null, ...rest }: Case) =>
  explain(taskViewOf(task), {
    acksPerSecond: 0,
    janitors: 1,
    limits: keysPage(),
    shared: [],
    ...rest,
    stats: statsOf(stats),
    workers,
    position,
  });

test("running: on which worker, and whether a cancel was requested", () => {
  const task = { state: "processing", attempts: 2, workerId: "w7" } as const;
  const workers = [workerViewOf({ id: "w7", state: "draining" })];
  expect(why({ task, workers })).toMatchObject({ reason: "running", detail: "attempt 2 runs on worker w7" });
  expect(why({ task: { ...task, cancelRequested: true }, workers }).detail).toContain("cancel was requested");
  // A running task continues while its queue is paused.
  expect(why({ task, stats: { paused: true }, workers }).reason).toBe("running");
});

test("worker_lost: what happened to its worker, and when another worker gets the task", () => {
  const at = 100_000;
  const task = { state: "processing", attempts: 1, workerId: "w7", leaseExpiresAt: at + 20_000 } as const;
  const lost = workerViewOf({ id: "w7", state: "lost", heartbeatAgeMs: 11_000 });
  expect(why({ task, stats: { at }, workers: [lost] })).toMatchObject({
    reason: "worker_lost",
    detail:
      "attempt 1 was on worker w7, which was last heard of 11 s ago; its lease ends in 20 s: then the janitor will give it to another worker",
  });
  const late = { ...task, leaseExpiresAt: at - 600_000 };
  expect(why({ task: late, stats: { at }, workers: [], janitors: 0 })).toMatchObject({
    reason: "worker_lost",
    detail:
      "attempt 1 was on worker w7, which is not registered any more; its lease ended 10 min ago: a janitor has to give it to another worker, and none runs: start one",
  });
  const stopped = workerViewOf({ id: "w7", state: "stopped" });
  expect(why({ task, stats: { at }, workers: [stopped], janitors: 2 }).detail).toMatch(
    /which has stopped; .*then one of 2 janitors will give it/,
  );
  // The lease has ended, but the worker sends heartbeats.
  const alive = workerViewOf({ id: "w7" });
  expect(why({ task: late, stats: { at }, workers: [alive] })).toMatchObject({
    reason: "running",
    detail: expect.stringContaining("its lease ended 10 min ago"),
  });
});

test("overdue: a scheduled task whose time has come, and why it was not promoted", () => {
  const task = { state: "scheduled", runAt: 5_000 } as const;
  expect(why({ task, stats: { at: 65_000 }, janitors: 0 })).toMatchObject({
    reason: "overdue",
    detail: "it was due 60 s ago: a janitor has to move it to the waiting tasks, and none runs: start one",
  });
  expect(why({ task, stats: { at: 65_000 } }).detail).toContain("the janitor will move it");
  // A task that has just become due is not late yet, because a janitor needs a moment to promote it.
  expect(why({ task, stats: { at: 6_000 } }).reason).toBe("not_due");
});

test.each(["completed", "dead", "cancelled", "expired"] as const)("terminal: %s", (state) => {
  expect(why({ task: { state } })).toMatchObject({ state, reason: "terminal" });
});

test("not_due: before its time, or before the next try", () => {
  const task = { state: "scheduled", runAt: 5_000 } as const;
  const stats = { at: 1_000 };
  expect(why({ task, stats })).toMatchObject({
    reason: "not_due",
    expectedStartAt: 5_000,
    detail: "it is not due yet",
  });
  expect(why({ task: { ...task, failures: 2 }, stats }).detail).toContain("it failed 2 times");
});

test("not_due: what a suspended handler waits for", () => {
  const detailOf = (waitsFor: string[]) =>
    why({ task: { state: "scheduled", runAt: 5_000, waitsFor }, stats: { at: 1_000 } }).detail;
  expect(detailOf([])).toBe("its handler sleeps");
  expect(detailOf(["yes", "no"])).toBe('its handler waits for the signal "yes" or "no"');
  expect(detailOf(["=t1"])).toBe("its handler waits for the end of task t1, which it called");
  expect(detailOf(["yes", "=t1"])).toBe(
    'its handler waits for the signal "yes", or the end of task t1, which it called',
  );
});

test("no_worker_for_type: a task that was put aside, with the time since then", () => {
  const task = { state: "pending", type: "odd", unroutedSince: 0 } as const;
  expect(why({ task })).toMatchObject({
    reason: "no_worker_for_type",
    detail: 'the only running worker has no handler for "odd"; it has waited since 1970-01-01T00:00:00.000Z',
  });
});

test("waiting: a task that was put aside names the workers that have a handler for it", () => {
  const workers = [workerViewOf({ types: ["odd"] }), workerViewOf({ types: ["even"] })];
  const task = { state: "pending", type: "odd", unroutedSince: 0 } as const;
  expect(why({ task, workers, stats: { pending: 90, pendingTyped: 3 } })).toMatchObject({
    reason: "waiting",
    detail:
      '3 tasks are before it; it waits for a worker with a handler for "odd" (1 of 2 have one), or until its batch there is full',
    positionIsEstimate: true,
  });
});

test("paused: with the reason that was given", () => {
  expect(why({ stats: { paused: true } })).toMatchObject({ reason: "paused", detail: "the queue is paused" });
  expect(why({ stats: { paused: true, pauseReason: "deploy" }, workers: [] })).toMatchObject({
    reason: "paused",
    detail: "the queue is paused: deploy",
  });
});

test("no_workers: there are no workers, none of them works on this queue, or none runs any more", () => {
  const elsewhere = workerViewOf({ queues: ["other"] });
  const gone = (["stopped", "lost"] as const).map((state) => workerViewOf({ state }));
  for (const workers of [[], [elsewhere], gone]) {
    expect(why({ workers })).toMatchObject({ reason: "no_workers", detail: 'no worker runs queue "q"' });
  }
});

test("no_worker_for_type: there are workers, but none has a handler for the type", () => {
  const workers = [workerViewOf({ types: ["a"] }), workerViewOf({ types: ["b"] })];
  expect(why({ workers })).toMatchObject({
    reason: "no_worker_for_type",
    detail: expect.stringContaining("none of the 2 running workers has a handler"),
  });
});

test("solo: the task has to run alone", () => {
  expect(why({ task: { solo: true } }).reason).toBe("solo");
});

test("waiting: the place of the task in its band, and when its turn may come", () => {
  expect(why({ position: 30, acksPerSecond: 10 })).toMatchObject({
    reason: "waiting",
    detail: "30 tasks are before it",
    position: 30,
    positionIsEstimate: false,
    expectedStartAt: 103_000,
  });
  expect(why({ position: 1 })).toMatchObject({ detail: "1 task is before it", expectedStartAt: null });
});

test("waiting: if the place is not found, it is estimated", () => {
  expect(why({ stats: { pending: 12 } })).toMatchObject({ position: 12, positionIsEstimate: true });
});

test("workers_paused: the programs of all workers that could run the task do not ask for tasks", () => {
  const paused = workerViewOf({ id: "w1", state: "paused" });
  expect(why({ workers: [paused, workerViewOf({ id: "w2", state: "drained" })] })).toMatchObject({
    reason: "workers_paused",
    detail: expect.stringMatching(/^worker w1 of queue "q" runs, but its program does not ask for tasks/),
  });
  expect(why({ workers: [paused, { ...paused, id: "w3" }] }).detail).toMatch(/^2 workers .* their programs/);
  expect(why({ workers: [paused, workerViewOf({ id: "w4" })] }).reason).toBe("waiting");
});

test("workers_draining: all workers that could run the task drain; this reason comes before no_workers", () => {
  const drained = workerViewOf({ state: "drained" });
  const draining = workerViewOf({ id: "w2", state: "draining" });
  expect(why({ workers: [drained] })).toMatchObject({
    reason: "workers_draining",
    detail: 'the only worker of queue "q" drains: resume one, or start another',
  });
  expect(why({ workers: [drained, draining] }).detail).toContain("all 2 workers");
  // One worker that does not drain is enough. A worker of another queue does not count.
  expect(why({ workers: [drained, workerViewOf({ id: "w3" })] }).reason).toBe("waiting");
  expect(why({ workers: [workerViewOf({ state: "drained", queues: ["other"] })] }).reason).toBe("no_workers");
});

test("limited: which limit holds the task, how much of it is used, and its place in the line", () => {
  const task = { key: "acme" };
  const full = keysPage({ limits: { key: { concurrency: 3 } } }, { running: 3, blockedBy: "concurrency" });
  expect(why({ task, limits: full, position: 2 })).toMatchObject({
    ...{ reason: "limited", position: 2, expectedStartAt: null },
    detail: '3 of 3 tasks of the key "acme" run; 2 tasks are before it',
  });
  // Half of the running tasks have this key, so it gets two of the four ends per second.
  const known = { acksPerSecond: 4, stats: { at: 100_000, processing: 6 } };
  expect(why({ task, limits: full, position: 2, ...known }).expectedStartAt).toBe(101_500);
  const rate = { limit: 10, periodMs: 60_000 };
  const late = keysPage({}, { limit: { rate }, blockedBy: "rate", nextAt: 105_000 });
  expect(why({ task, limits: late, position: 1 })).toMatchObject({
    ...{ reason: "limited", expectedStartAt: 111_000 },
    detail: 'the rate of the key "acme", 10 per 60 s, is used up; 1 task is before it',
  });
  const held = keysPage({ blockedBy: "hold", heldUntil: 100_500, nextAt: 100_500 });
  expect(why({ limits: held })).toMatchObject({
    ...{ reason: "limited", expectedStartAt: 100_500 },
    detail: 'the queue "q" is held for another 500 ms',
  });
  expect(why({ task, limits: keysPage({}, {}) }).reason).toBe("waiting");
});

test("limit: the share of a limit that several queues have, whose names are not shown", () => {
  const stored = (name: string, limit: StoredLimit["limit"], queues: string[]): StoredLimit => ({
    ...{ name, limit, queues, version: 1, shares: {}, text: "" },
  });
  const keyed = (name: string, limit: StoredLimit["limit"], running: number) => ({
    ...keysPage({ blockedBy: "shared", running }),
    shares: [{ name, limit, share: {} }],
  });
  const of = (limits: KeysPage, shared: StoredLimit[]) =>
    why({ task: { state: "pending", queue: "q" }, stats: { pending: 1 }, limits, shared }).detail;
  expect(
    of(keyed("db", { concurrency: 4 }, 4), [stored("db", { concurrency: 9 }, ["q", "secret"])]),
  ).toContain('queue "q" runs 4 tasks and may run 4 now: its share of limit "db" (9 with 1 other queue)');
  const rate = (limit: number) => ({ rate: { limit, periodMs: 60_000 } });
  expect(of(keyed("api", rate(2), 0), [stored("api", rate(9), ["a", "q", "secret"])])).toContain(
    'the share of queue "q" in limit "api" is used up (9 per 60 s with 2 other queues)',
  );
  expect(of(keyed("q/", { concurrency: 2 }, 2), [stored("q/", { concurrency: 8 }, ["q"])])).toContain(
    'queue "q" runs 2 tasks and may run 2 now: its share of the limit of queue "q" (8 with all its partitions)',
  );
});

test("limit: a key in strict order stopped after a task died, and how to continue it", () => {
  const limits = keysPage({}, { key: "acme", blockedBy: "stopped" });
  expect(why({ task: { state: "pending", key: "acme" }, limits }).detail).toContain(
    'the key "acme" stopped when one of its tasks died: replay that dead letter, or end the hold',
  );
});
