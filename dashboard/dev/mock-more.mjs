// Invented data for the mock server that belongs neither to queues nor to tasks: schedules, the audit log, and groups
// with a trend.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const EVENTS = [
  ["enqueued", {}],
  ["started", { workerId: "worker-1-7f2c" }],
  [
    "completed",
    { resultText: '{"messageId":"<20261130.1@mail.example.com>","accepted":["ada@example.com"]}' },
  ],
  ["scheduled", {}],
  ["promoted", {}],
  ["retried", {}],
  ["dead", { reason: "retries_exhausted" }],
  ["cancelled", {}],
  ["replayed", {}],
];

/** Returns a few Server-Sent Events of a queue, with a gap before them. */
function eventsText(queue, type) {
  const wanted = EVENTS.filter(([each]) => type === undefined || each === type);
  const cursor = (n) => `${Date.now().toString(36)}.${n}`;
  const events = wanted.map(([each, detail], n) => ({
    ...{ type: each, queue, id: `pending-${n}`, at: Date.now() - 40 * (10 - n), cursor: cursor(n + 1) },
    ...detail,
  }));
  const gap = { type: "gap", queue, cursor: cursor(0), missed: 1_204 };
  return [gap, ...events]
    .map((event) => `event: ${event.type}\nid: ${event.cursor}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("");
}

export function createMockMore({ id, operate }) {
  const now = Date.now();
  const nextRuns = (stepMs) =>
    Array.from({ length: 5 }, (_, n) => Math.ceil(now / stepMs) * stepMs + n * stepMs);
  const schedule = (name, part) => ({
    id: name,
    queue: "default",
    cron: "0 * * * *",
    timeZone: "UTC",
    startAt: null,
    endAt: null,
    limit: null,
    count: 0,
    type: "report.render",
    payloadText: '{"report":"daily"}',
    options: {},
    missed: "once",
    overlap: "allow",
    paused: false,
    createdAt: now - 40 * DAY,
    updatedAt: now - 2 * DAY,
    nextAt: now + HOUR,
    nextRuns: nextRuns(HOUR),
    words: "Every hour",
    lastRun: {
      at: now - 1_400_000,
      taskId: "pending-3",
      outcome: "enqueued",
      manual: false,
      state: "completed",
    },
    runs: [],
    ...part,
  });
  const schedules = new Map(
    [
      schedule("hourly-report", {}),
      schedule("nightly-invoices", {
        queue: "reports.monthly-2025",
        cron: "30 2 * * 1-5",
        timeZone: "Europe/Berlin",
        words: "At 02:30, Monday through Friday",
        nextRuns: nextRuns(DAY),
        lastRun: { at: now - 0.8 * DAY, taskId: "dead-1", outcome: "enqueued", manual: false, state: "dead" },
      }),
      schedule("digest", {
        queue: "emails",
        cron: "*/15 * * * *",
        timeZone: "America/New_York",
        words: "Every 15 minutes",
        nextRuns: [],
        nextAt: null,
        paused: true,
        lastRun: { at: now - 6 * HOUR, taskId: null, outcome: "overlapped", manual: false, state: null },
      }),
    ].map((one) => [one.id, one]),
  );
  const actions = [
    ["queue.pause", "reports.monthly-2025", 0, "succeeded", "vendor outage, INC-4821 until 22:00"],
    ["dead_letters.replay", "emails", 2_013, "accepted", "mail relay is back"],
    ["dead_letters.discard", "emails", 14, "succeeded", null],
    ["queue.configure", "thumbnails", 0, "refused", null],
    ["task.cancel", "default", 1, "succeeded", null],
    ["worker.drain", null, 0, "succeeded", "kernel update"],
    ["schedule.run", "default", 1, "failed", null],
  ];
  const subjects = {
    "task.cancel": "tK000004v9QwZ2aB",
    "worker.drain": "worker-7f3a",
    "schedule.run": "nightly-report",
  };
  const records = Array.from({ length: 140 }, (_, n) => {
    const [action, queue, count, outcome, reason] = actions[n % actions.length];
    return {
      at: now - n * 437_000,
      actor: ["maria@example.com", "ci-deploy", "jonas@example.com"][n % 3],
      keyId: "k1",
      role: ["admin", "operator", "operator"][n % 3],
      from: ["10.0.4.11", "cli@build-7", "10.0.4.12"][n % 3],
      action,
      queue,
      subject: subjects[action] ?? null,
      count,
      reason,
      outcome,
      code: outcome === "refused" ? "forbidden" : null,
      requestId: `req-${(9_000 - n).toString(36)}`,
      operationId: outcome === "accepted" ? "op-old" : null,
    };
  });
  return {
    session: () => ({
      authenticated: true,
      keysRequired: true,
      readOnly: false,
      label: "maria@example.com",
      role: "admin",
      scopes: ["admin"],
      queues: null,
      expiresAt: now + HOUR,
      idleExpiresAt: now + HOUR,
      environment: "staging",
      redis: null,
      demoLoad: true,
      traceUrl: "https://tempo.example/trace/{traceId}",
    }),
    schedules: () => [...schedules.values()],
    putSchedule: (name, body) => {
      const made = schedule(name, { ...schedules.get(name), ...body, lastRun: null });
      schedules.set(name, made);
      return made;
    },
    deleteSchedule: (name) => schedules.delete(name),
    switchSchedule: (name, paused) => Object.assign(schedules.get(name), { paused }),
    runSchedule: (name) => ({ id: name, queue: schedules.get(name).queue, taskId: id() }),
    preview: ({ cron }) =>
      cron.split(/\s+/).length < 5 ? null : { words: "At 03:00 every day", nextRuns: nextRuns(DAY) },
    audit: ({ queue, actor, action, cursor = "0" }) => {
      const found = records.filter(
        (one) =>
          (!queue || one.queue === queue) &&
          (!actor || one.actor === actor) &&
          (!action || one.action === action),
      );
      const from = Number(cursor);
      const next = from + 100 < found.length ? String(from + 100) : null;
      return { records: found.slice(from, from + 100), cursor: next, scanned: 100, total: records.length };
    },
    events: eventsText,
    oldOperations: () => [
      {
        ...operate("replay", "emails", 2_013),
        id: "op-old",
        state: "failed",
        done: 1_240,
        endedAt: now - 70_000,
        startedAt: now - 110_000,
        actor: "maria@example.com",
        reason: "mail relay is back",
        canary: {
          size: 5,
          waitMs: 60_000,
          state: "stopped",
          completed: 2,
          taskIds: [],
          detail: "tK00012 died again",
        },
        error: "stopped: the canary did not complete",
        failures: 3,
        result: { replayed: 1_237, skipped: 3 },
      },
      {
        ...operate("discard", "emails", 14),
        id: "op-discard",
        state: "succeeded",
        done: 14,
        startedAt: now - 31_000,
        endedAt: now - 30_000,
        actor: "jonas@example.com",
        undoUntil: now + 9.5 * 60_000,
        result: { discarded: 14 },
      },
    ],
    failures: () => ({
      failures: ["tK00012v9QwZ2aB", "tK00044v9QwZ2aB", "tK0004av9QwZ2aB"].map((task) => ({
        id: task,
        at: now,
        code: "canary_failed",
        detail: "it died again: Error: connect ETIMEDOUT 10.2.0.7:587",
      })),
      cursor: null,
      total: 3,
    }),
    trend: (seed) =>
      Array.from({ length: 12 }, (_, n) => Math.round(8 + 7 * Math.sin(n / 2 + seed) + (n % 3) * 2)),
  };
}
