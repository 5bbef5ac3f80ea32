// The state of the mock server of the dashboard. The file has more than 500 lines, because it holds one queue system
// whose parts refer to one another.
import { createMockMore } from "./mock-more.mjs";

// An invented system that changes over time: queues fill and drain, tasks die, operations make progress. This file has
// more than 500 lines, because the data has to be consistent, which is easier in one place.

const HOUR = 3_600_000;
const zeroTotals = () =>
  Object.fromEntries(
    "enqueued deduplicated attempts acked failed retried crashed released deadLettered replayed promoted cancelled expired stale purged dropped"
      .split(" ")
      .map((name) => [name, 0]),
  );

const ERRORS = [
  [
    "email.send",
    "retries_exhausted",
    (n) =>
      `Error: connect ETIMEDOUT 10.2.0.${n % 250}:587\n    at TCPConnectWrap.afterConnect (node:net:1611:16)`,
  ],
  ["email.send", "fatal", (n) => `FatalError: no such mailbox user${n}@example.com`],
  ["image.resize", "crashes_exhausted", () => "lease ran out: the worker stopped sending heartbeats"],
  ["report.render", "retries_exhausted", (n) => `RangeError: page ${n} of 12 is out of range`],
  ["email.send", "retries_exhausted", () => '<img src=x onerror="alert(1)"> is not a valid subject'],
];

/** The field in the result of an operation that counts its finished tasks. */
const DONE = { replay: "replayed", discard: "discarded", restore: "restored", burst: "enqueued" };

export function createMockState() {
  let counter = 0;
  const started = Date.now();
  const queues = new Map();
  const operations = [];
  const id = () => `tK${(counter++).toString(36).padStart(6, "0")}v9QwZ2aB`.slice(0, 16);

  const queue = (name, part = {}) => {
    const made = {
      name,
      pending: 0,
      processing: 0,
      scheduled: 0,
      cancelled: 3,
      expired: 1,
      paused: false,
      pauseReason: null,
      pausedAt: null,
      pausedBy: null,
      perSecond: 0,
      oldest: 0,
      dead: [],
      totals: zeroTotals(),
      history: [],
      ...part,
    };
    queues.set(name, made);
    return made;
  };

  const task = (name, state, n, part = {}) => {
    const now = Date.now();
    const [type, reason, error] = ERRORS[n % ERRORS.length];
    const ended = ["completed", "dead", "cancelled", "expired"].includes(state);
    const crashes = reason === "crashes_exhausted" ? 3 : 0;
    const attempts = state === "pending" ? 0 : state === "dead" ? (reason === "fatal" ? 1 : 4) : 1;
    const enqueuedAt = now - HOUR - n * 7_000;
    const history = Array.from({ length: attempts }, (_, index) => {
      const open = state === "processing" && index === attempts - 1;
      const good = state === "completed" && index === attempts - 1;
      const crashed = crashes > 0 && index < 3;
      const startedAt = enqueuedAt + 900 + index * 41_000;
      return {
        attempt: index + 1,
        generation: 0,
        outcome: open ? "running" : good ? "acked" : crashed ? "crashed" : "failed",
        workerId: `worker-${(index % 3) + 1}-7f2c`,
        fence: `${9_000 + n * 4 + index}-c4f1e7`,
        startedAt: open ? now - 4_200 : startedAt,
        endedAt: open ? null : startedAt + (crashed ? 30_000 : 182 + index * 37),
        error: open || good ? null : crashed ? "lease ran out: no heartbeat for 30 s" : error(n),
      };
    });
    const payloadText = `{"to":"user${n}@example.com","orderId":12345678901234567890,"note":"</script><b>bold</b>","lines":[{"sku":"A-${n}","qty":2,"price":1.10}]}`;
    return {
      id: id(),
      queue: name,
      type,
      state,
      priority: n % 9 === 0 ? "high" : "normal",
      payloadText,
      payloadKept: true,
      payloadBytes: payloadText.length,
      resultText: state === "completed" ? `{"ok":true,"messageId":9007199254740993}` : null,
      attempts,
      failures: state === "dead" ? attempts - crashes : 0,
      crashes: state === "dead" ? crashes : 0,
      releases: 0,
      generation: 0,
      maxRetries: 3,
      timeoutMs: 1_800_000,
      backoff: null,
      tags: n % 4 === 0 ? ["tenant:acme"] : [],
      key: n % 4 === 0 ? "acme" : null,
      cost: n % 8 === 0 ? 5 : 1,
      traceId: null,
      enqueuedAt,
      runAt: state === "scheduled" ? now + 25_000 + n * 1_000 : null,
      expiresAt: null,
      leaseExpiresAt: state === "processing" ? now + 21_000 : null,
      endedAt: ended ? now - 60_000 - n * 4_000 : null,
      workerId: state === "processing" ? "worker-1-7f2c" : null,
      fence: state === "processing" ? "9321-c4f1e7" : null,
      cancelRequested: false,
      solo: crashes > 1,
      unroutedSince: null,
      deadReason: state === "dead" ? reason : null,
      lastError: state === "dead" ? error(n) : null,
      progress: state === "processing" ? "3 of 8 pages" : null,
      log: state === "dead" ? ["opened connection", "retrying with smaller batch"] : [],
      history,
      replays: [],
      ...part,
    };
  };

  const deadTasks = (name, size) => Array.from({ length: size }, (_, n) => task(name, "dead", n));
  queue("emails", {
    pending: 18_432,
    processing: 96,
    scheduled: 1_204,
    perSecond: 420,
    oldest: 92_000,
    totals: {
      ...zeroTotals(),
      enqueued: 1_204_331,
      attempts: 1_250_101,
      acked: 1_184_022,
      failed: 61_240,
      retried: 60_887,
      crashed: 31,
      deadLettered: 353,
      replayed: 106,
      stale: 2,
    },
  });
  queue("default", {
    pending: 0,
    processing: 12,
    scheduled: 40,
    perSecond: 60,
    totals: { ...zeroTotals(), enqueued: 88_120, attempts: 88_120, acked: 88_060 },
  });
  queue("thumbnails", {
    pending: 3_120,
    perSecond: 0,
    oldest: 812_000,
    totals: { ...zeroTotals(), enqueued: 9_001, acked: 5_881 },
  });
  queue("reports.monthly-2025", {
    pending: 240,
    scheduled: 6,
    paused: true,
    pauseReason: "vendor outage, INC-4821 until 22:00",
    pausedAt: Date.now() - 40 * 60_000,
    pausedBy: "ana",
    oldest: 4_000_000,
    totals: { ...zeroTotals(), enqueued: 400, acked: 154 },
  });
  queue("webhooks", {
    perSecond: 8,
    processing: 1,
    totals: { ...zeroTotals(), enqueued: 61_000, acked: 60_999 },
  });
  queues.get("emails").dead = deadTasks("emails", 2_147);
  queues.get("reports.monthly-2025").dead = deadTasks("reports.monthly-2025", 7);

  let tick = 0;
  setInterval(() => {
    tick += 1;
    for (const one of queues.values()) {
      const wave =
        one.perSecond === 0 ? 0 : one.perSecond * (0.8 + 0.3 * Math.sin(tick / 17) + 0.1 * Math.random());
      const done = Math.min(Math.round(wave / 2), one.pending + 40);
      const arrived = Math.round((wave / 2) * (0.75 + 0.45 * Math.sin(tick / 29 + 1)));
      one.pending = Math.max(0, one.pending + arrived - done);
      one.totals.enqueued += arrived;
      one.totals.attempts += done;
      one.totals.acked += done;
      one.totals.failed += Math.round(done * 0.04);
      one.processing =
        one.perSecond === 0 ? 0 : Math.max(1, Math.round(one.perSecond / 5 + 12 * Math.sin(tick / 5)));
      one.oldest =
        one.pending === 0
          ? 0
          : one.perSecond === 0
            ? one.oldest + 500
            : Math.round((one.pending / one.perSecond) * 1_000);
    }
    for (const operation of operations) {
      if (operation.state !== "running") continue;
      operation.done = Math.min(operation.total, operation.done + Math.ceil(operation.total / 12));
      operation.result = { [DONE[operation.kind]]: operation.done };
      if (operation.done < operation.total) continue;
      Object.assign(operation, { state: "succeeded", endedAt: Date.now() });
    }
  }, 500);

  const stats = () =>
    [...queues.values()].map((one) => ({
      queue: one.name,
      at: Date.now(),
      pending: one.pending,
      pendingByPriority: {
        high: Math.floor(one.pending * 0.05),
        normal: Math.ceil(one.pending * 0.9),
        low: Math.floor(one.pending * 0.05),
      },
      pendingSolo: 0,
      pendingTyped: 0,
      pendingKeyed: one.name === "emails" ? Math.round(one.pending * 0.4) : 0,
      flow: {
        ...{ runnable: Math.round(one.pending * 0.7), concurrency: null, keysReady: 12, keysResting: 4 },
        ...{ keysHeld: 0, heldUntil: null },
      },
      processing: one.processing,
      scheduled: one.scheduled,
      completed: Math.min(10_000, one.totals.acked),
      dead: one.dead.length,
      cancelled: one.cancelled,
      expired: one.expired,
      paused: one.paused,
      pauseReason: one.pauseReason,
      pausedAt: one.pausedAt,
      pausedBy: one.pausedBy,
      partitions: null,
      oldestPendingAgeMs: one.oldest,
      flows: 0,
      oldestFlowAgeMs: 0,
      totals: one.totals,
      settings: {
        maxWaiting: 0,
        retentionMs: 24 * HOUR,
        retentionCount: 10_000,
        idempotencyMs: HOUR,
        durability: "memory",
        maxDead: 0,
        maxDeadAgeMs: 0,
        maxEvents: one.name === "webhooks" ? 0 : 100_000,
      },
    }));

  // A queue with a worker loses more tasks than arrive.
  const rates = () =>
    Object.fromEntries(
      [...queues].map(([name, { processing, pending }]) => {
        const done = processing === 0 ? 0 : 120;
        return [
          name,
          {
            enqueuedPerSecond: 80,
            attemptsPerSecond: done,
            completedPerSecond: done,
            failedPerSecond: done / 24,
            retriedPerSecond: done / 30,
            deadLetteredPerSecond: done / 120,
            drainSeconds: done === 0 ? null : pending / 40,
          },
        ];
      }),
    );

  const workers = () =>
    ["running", "running", "draining", "lost"].map((workerState, n) => ({
      id: `worker-${n + 1}-7f2c`,
      queues: n === 1 ? ["emails", "default", "webhooks"] : ["emails", "default"],
      types: ["demo.echo", "demo.flaky"],
      host: `ip-10-0-4-${n + 11}`,
      pid: 4_100 + n,
      version: "0.1.0",
      slots: 50,
      busy: [48, 31, 6, 0][n],
      startedAt: started - (n + 1) * HOUR,
      heartbeatAt: Date.now() - 900,
      heartbeatAgeMs: workerState === "lost" ? 47_000 : 900 + n * 300,
      state: workerState,
    }));

  const operate = (kind, name, total) => {
    const operation = {
      id: `op${counter++}`,
      kind,
      queue: name,
      state: "running",
      done: 0,
      total,
      startedAt: Date.now(),
      endedAt: null,
      error: null,
      result: {},
      actor: "maria@example.com",
      reason: null,
      to: null,
      ratePerSecond: null,
      canary: null,
      undoUntil: kind === "discard" ? Date.now() + 600_000 : null,
      undoneAt: null,
      failures: 0,
    };
    operations.unshift(operation);
    return operation;
  };
  const more = createMockMore({ id, operate });
  operations.splice(0, operations.length, ...more.oldOperations());

  return {
    ...more,
    stats,
    workers,
    workersWithTasks: () =>
      workers().map((worker) => ({
        ...worker,
        tasks: Array.from({ length: Math.min(worker.busy, 6) }, (_, n) => ({
          id: `processing-${n}`,
          queue: "emails",
          type: "email.send",
          startedAt: Date.now() - 900 * (n + 1),
        })),
      })),
    operations: () => ({ operations, cursor: null }),
    actOnOperation: (wanted, verb) => {
      const operation = operations.find((candidate) => candidate.id === wanted);
      if (operation === undefined) return undefined;
      if (verb === "undo") return Object.assign(operation, { undoneAt: Date.now() });
      if (verb === "cancel") return Object.assign(operation, { state: "cancelled", endedAt: Date.now() });
      return Object.assign(operation, { state: verb === "pause" ? "paused" : "running" });
    },
    has: (name) => queues.has(name),
    snapshot: () => ({
      sampledAt: Date.now(),
      redisUp: true,
      queues: stats(),
      queuesTotal: queues.size,
      rates: rates(),
      workers: workers(),
      operations: operations.slice(0, 10),
    }),
    operation: (wanted) => operations.find((operation) => operation.id === wanted),
    cancelOperation: (wanted) => {
      const operation = operations.find((candidate) => candidate.id === wanted);
      return operation && Object.assign(operation, { state: "cancelled", endedAt: Date.now() });
    },
    burst: (name, tasks) => {
      const one = queues.get(name) ?? queue(name);
      Object.assign(one, { pending: one.pending + tasks, perSecond: 900 });
      one.totals.enqueued += tasks;
      one.dead.unshift(...deadTasks(name, 16));
      return operate("burst", name, tasks);
    },
    enqueue: (name, body, text) => {
      const one = queues.get(name) ?? queue(name);
      one.totals.enqueued += 1;
      console.log(`enqueue ${name}: ${text}`);
      return {
        id: id(),
        state: body.delayMs ? "scheduled" : "pending",
        duplicate: false,
        durability: "memory",
      };
    },
    pause: (name, paused, reason) => ({
      ...Object.assign(queues.get(name), {
        paused,
        pauseReason: reason,
        pausedAt: paused ? Date.now() : null,
        pausedBy: paused ? "anonymous" : null,
      }),
      queue: name,
      dead: undefined,
    }),
    rates,
    empty: (name, states) => {
      const one = queues.get(name);
      let removed = 0;
      for (const state of states) {
        if (state === "dead") removed += one.dead.splice(0).length;
        else if (state === "completed") {
          removed += Math.min(10_000, one.totals.acked);
          one.totals.acked = 0;
        } else {
          removed += one[state];
          one[state] = 0;
        }
      }
      return { queue: name, removed };
    },
    remove: (name) => {
      const { pending, dead } = queues.get(name);
      queues.delete(name);
      return { queue: name, removed: pending + dead.length };
    },
    series: (name) => {
      const one = queues.get(name);
      const points = Array.from({ length: 600 }, (_, n) => {
        const wave = 1 + 0.25 * Math.sin(n / 60);
        return {
          at: started - (600 - n) * 1_000,
          pending: Math.round(one.pending * wave),
          processing: Math.round(one.processing * wave),
          scheduled: one.scheduled,
          dead: one.dead.length,
          completed: 0,
          cancelled: 0,
          expired: 0,
          oldestPendingAgeMs: Math.round(one.oldest * wave),
          enqueuedPerSecond: one.perSecond * wave,
          completedPerSecond: one.perSecond * (2 - wave),
          failedPerSecond: one.perSecond * 0.04,
          attemptsPerSecond: 0,
          retriedPerSecond: 0,
          deadLetteredPerSecond: one.perSecond * 0.002 * wave,
          crashedPerSecond: one.perSecond * 0.001,
          releasedPerSecond: 0,
          cancelledPerSecond: 0,
          expiredPerSecond: 0,
          spanMs: 1_000,
          utilisation: one.perSecond === 0 ? null : 0.62 * wave,
          waitP50Ms: 4_000 * wave,
          waitP95Ms: 31_000 * wave,
          waitP99Ms: 60_000 * wave,
          runP50Ms: 90 * wave,
          runP95Ms: 410 * wave,
          runP99Ms: 1_900 * wave,
        };
      });
      return { queue: name, stepMs: 1_000, windowMs: 900_000, source: "memory", points };
    },
    list: (name, query) => {
      const one = queues.get(name);
      const offset = Number(query.cursor ?? 0);
      const size = {
        pending: one.pending,
        processing: one.processing,
        scheduled: one.scheduled,
        completed: 500,
        cancelled: one.cancelled,
        expired: one.expired,
      }[query.state];
      const all =
        query.state === "dead"
          ? one.dead
          : Array.from({ length: Math.min(size, offset + 100) }, (_, n) =>
              task(name, query.state, n, { id: `${query.state}-${n}` }),
            );
      const wanted = all.filter(
        (each) =>
          (!query.type || each.type === query.type) &&
          (!query.reason || each.deadReason === query.reason) &&
          (!query.q || JSON.stringify(each).includes(query.q)),
      );
      const tasks = wanted.slice(offset, offset + 100);
      const end = query.state === "dead" ? wanted.length : size;
      return {
        tasks,
        cursor: offset + 100 < end ? String(offset + 100) : null,
        scanned: tasks.length,
        total: query.state === "dead" ? one.dead.length : size,
      };
    },
    task: (name, wanted) => {
      const dead = queues.get(name).dead.find((each) => each.id === wanted);
      const match = /^(scheduled|pending|processing|completed|cancelled|expired)-(\d+)$/.exec(wanted);
      return dead ?? (match && task(name, match[1], Number(match[2]), { id: wanted }));
    },
    why: (name, wanted) => ({
      state: "pending",
      reason: "waiting",
      detail: `4,210 tasks of ${name} are before it; the queue completes 420 a second.`,
      position: 4_210,
      positionIsEstimate: false,
      expectedStartAt: Date.now() + 10_000,
      id: wanted,
    }),
    cancel: (name, wanted) => ({ id: wanted, outcome: "cancelled", queue: name }),
    groups: (name) => {
      const groups = new Map();
      for (const each of queues.get(name).dead.slice(0, 1_000)) {
        const signature = each.lastError.split("\n")[0].replace(/\d+/g, "N");
        const key = `${each.type} ${each.deadReason} ${signature}`;
        const group = groups.get(key) ?? {
          signature,
          type: each.type,
          reason: each.deadReason,
          count: 0,
          firstAt: each.endedAt,
          lastAt: each.endedAt,
          trend: more.trend(groups.size),
          diedAgain: groups.size === 1 ? 4 : 0,
          sampleIds: [],
        };
        group.count += 1;
        group.firstAt = Math.min(group.firstAt, each.endedAt);
        if (group.sampleIds.length < 3) group.sampleIds.push(each.id);
        groups.set(key, group);
      }
      return [...groups.values()].sort((a, b) => b.count - a.count);
    },
    act: (name, verb, body) => {
      const one = queues.get(name);
      const chosen = one.dead.filter(
        (each) =>
          body.all ||
          body.ids?.includes(each.id) ||
          (body.filter &&
            (!body.filter.type || each.type === body.filter.type) &&
            (!body.filter.reason || each.deadReason === body.filter.reason)),
      );
      if (body.dryRun)
        return { status: 200, answer: { dryRun: true, matched: chosen.length, replayed: 0, skipped: 0 } };
      one.dead = one.dead.filter((each) => !chosen.includes(each));
      if (verb === "replay") one.pending += chosen.length;
      if (chosen.length > 500) return { status: 202, answer: operate(verb, name, chosen.length) };
      const done = verb === "replay" ? "replayed" : "discarded";
      return {
        status: 200,
        answer: { dryRun: false, matched: chosen.length, [done]: chosen.length, skipped: 0 },
      };
    },
  };
}
