import type { QueueStats, TaskView, WorkerView } from "holdfast";
import { expect, test } from "vitest";
import { checkClock, checkCluster, checkServer, mastersOf, parseInfo } from "./server.ts";
import { checkQueue, checkWorkers, type QueueSight } from "./system.ts";

const AT = 1_800_000_000_000;

function sight(stats: Partial<QueueStats>, more: Partial<QueueSight> = {}): QueueSight {
  const settings = { maxWaiting: 0 };
  const base = {
    queue: "q",
    at: AT,
    pending: 0,
    processing: 0,
    scheduled: 0,
    dead: 0,
    partitions: null,
    oldestPendingAgeMs: 0,
  };
  return {
    stats: { ...base, paused: false, pauseReason: null, settings, ...stats } as QueueStats,
    nextLease: null,
    nextDue: null,
    deadLetters: [],
    ...more,
  };
}

const task = (fields: Partial<TaskView>) => fields as TaskView;
const worker = (fields: Partial<WorkerView>) =>
  ({
    id: "w",
    host: "h",
    state: "running",
    version: "1",
    queues: ["q"],
    heartbeatAgeMs: 0,
    ...fields,
  }) as WorkerView;

const bad = (seen: QueueSight, workers = [worker({})]) =>
  checkQueue(seen, workers, 300_000)
    .filter(({ verdict }) => verdict === "problem")
    .map(({ detail }) => detail);

test("an idle queue has no problem, and a busy one has none either", () => {
  expect(bad(sight({}), [])).toEqual([]);
  expect(bad(sight({ pending: 9_000, processing: 50, oldestPendingAgeMs: 60_000 }))).toEqual([]);
});

test("a backlog is reported if it is old, if it reaches its cap, and if no worker runs the queue", () => {
  expect(bad(sight({ pending: 5, oldestPendingAgeMs: 301_000 }))).toEqual([
    "5 tasks wait, the oldest for 5m01s; 1 worker runs this queue",
  ]);
  const full = sight({ pending: 60, scheduled: 30, settings: { maxWaiting: 100 } as QueueStats["settings"] });
  expect(bad(full)[0]).toContain("90 tasks wait, of at most 100");
  for (const none of [[], [worker({ state: "draining" })], [worker({ queues: ["other", "q2/0"] })]])
    expect(bad(sight({ pending: 1 }), none)).toEqual(["1 task waits and no worker runs this queue"]);
  expect(bad(sight({ pending: 1 }), [worker({ queues: ["q"] })])).toEqual([]);
});

test("overdue leases and tasks are reported as not moved by a janitor", () => {
  const late = { nextLease: task({ leaseExpiresAt: AT - 11_000 }) };
  expect(bad(sight({ processing: 1 }, late))[0]).toContain("no janitor has moved it");
  expect(bad(sight({ scheduled: 1 }, { nextDue: task({ runAt: AT - 60_000 }) }))[0]).toContain("1m00s");
  expect(bad(sight({ scheduled: 1 }, { nextDue: task({ runAt: AT + 60_000 }) }))).toEqual([]);
  expect(bad(sight({ processing: 1 }, { nextLease: task({ leaseExpiresAt: AT - 1_000 }) }))).toEqual([]);
});

test("dead letters are a problem while they grow, and a notice after that", () => {
  const died = (agoMs: number) => task({ endedAt: AT - agoMs });
  expect(bad(sight({ dead: 2 }, { deadLetters: [died(1_000), died(900_000)] }))[0]).toContain(
    "1 in the last 10",
  );
  const many = { deadLetters: Array.from({ length: 100 }, () => died(1)) };
  expect(bad(sight({ dead: 5_000 }, many))[0]).toContain("at least 100 in the last 10 minutes, 5000 in all");
  const old = sight({ dead: 2 }, { deadLetters: [died(900_000)] });
  expect(checkQueue(old, [], 1)).toMatchObject([
    { verdict: "notice", remedy: expect.stringContaining("dlq") },
  ]);
});

test("stopped workers do not count as lost, and their versions do not count", () => {
  const verdicts = checkWorkers([worker({}), worker({ state: "stopped", version: "0" })]).map(
    (f) => f.verdict,
  );
  expect(verdicts).toEqual(["ok", "ok"]);
});

test("a failed write to the disk is a problem, and Valkey is shown by its own name", () => {
  const findings = checkServer(
    parseInfo(
      "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\naof_enabled:1\r\naof_last_write_status:err\r\n",
    ),
  );
  expect(findings.find(({ check }) => check === "version")).toMatchObject({
    verdict: "ok",
    detail: "Valkey 8.0.1",
  });
  expect(findings.find(({ check }) => check === "disk")?.detail).toContain("aof_last_write_status");
});

test("a slow network is not reported as a wrong clock", () => {
  expect(checkClock(1_400, 1_000).verdict).toBe("ok");
  expect(checkClock(-1_400, 10).verdict).toBe("problem");
});

test("on a Cluster, the masters with slots are checked", () => {
  const nodes = [
    "07c3 10.0.0.1:7000@17000,one myself,master - 0 0 1 connected 0-8191",
    "67ed fd00::2:7001@17001 master - 0 1 2 connected 8192-16383",
    "292f 10.0.0.3:7002@17002 slave 07c3 0 1 1 connected",
    "aaaa 10.0.0.4:7003@17003 master - 0 1 3 connected",
    "bbbb :0@0 master,noaddr - 0 1 3 disconnected",
  ];
  expect(mastersOf(`${nodes.join("\n")}\n`)).toEqual([
    { host: "10.0.0.1", port: 7_000 },
    { host: "fd00::2", port: 7_001 },
  ]);
  const broken = parseInfo("cluster_state:fail\r\ncluster_slots_ok:8192\r\n");
  expect(checkCluster(broken, 2)).toMatchObject({
    verdict: "problem",
    detail: expect.stringContaining("8192 of"),
  });
});
