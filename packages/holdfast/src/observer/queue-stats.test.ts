import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../engine/envelope.ts";
import type { RawStats } from "../engine/replies.ts";
import { queueStats } from "./queue-stats.ts";

const raw = (change: Partial<RawStats> = {}): RawStats => ({
  now: 10_000,
  counters: [],
  accepted: [],
  settings: "",
  lengths: [],
  oldest: [],
  flow: [],
  dropped: 0,
  flows: "",
  oldestFlow: 0,
  suspended: 0,
  ...change,
});

test("an empty queue has only zeros and the default settings", () => {
  const stats = queueStats("q", raw());
  expect(stats).toMatchObject({
    queue: "q",
    at: 10_000,
    pending: 0,
    scheduled: 0,
    processing: 0,
    paused: false,
    pauseReason: null,
    partitions: null,
    oldestPendingAgeMs: 0,
    settings: {
      maxWaiting: 0,
      retentionMs: 86_400_000,
      retentionCount: 10_000,
      idempotencyMs: 3_600_000,
      durability: "memory",
      maxDead: 0,
      maxDeadAgeMs: 0,
      maxEvents: 0,
    },
  });
  expect(Object.values(stats.totals).every((count) => count === 0)).toBe(true);
});

test("the counts of states follow from the accepted tasks and their moves", () => {
  // Every counter has a different number, so that the test fails if two counters are mixed up.
  const counters = [-60, -5, 3, 40, 7, 6, 8, 9, 0, 77, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111];
  expect(
    queueStats("q", raw({ counters, accepted: [100, 20, 4], lengths: [1, 2, 3, 4], dropped: 112 })),
  ).toMatchObject({
    pending: 40,
    scheduled: 15,
    processing: 3,
    completed: 40,
    dead: 7,
    cancelled: 6,
    expired: 8,
    pendingByPriority: { high: 1, normal: 2, low: 3 },
    pendingSolo: 4,
    totals: {
      enqueued: 120,
      deduplicated: 4,
      attempts: 77,
      acked: 101,
      failed: 102,
      retried: 103,
      crashed: 104,
      released: 105,
      deadLettered: 106,
      replayed: 107,
      promoted: 108,
      cancelled: 109,
      expired: 110,
      stale: 111,
      purged: 9,
      dropped: 112,
    },
  });
});

describe("settings", () => {
  test("are returned as they were set, and the reason of a pause may be any text", () => {
    const reason = encodeURIComponent("deploy 7: wait, 100% of it\nplease");
    expect(queueStats("q", raw({ settings: `1 1 50 1000 20 3000 ${reason}\n7 5000` }))).toMatchObject({
      settings: {
        maxWaiting: 50,
        retentionMs: 1_000,
        retentionCount: 20,
        idempotencyMs: 3_000,
        durability: "memory",
        maxDead: 7,
        maxDeadAgeMs: 5_000,
        maxEvents: 0,
      },
      paused: true,
      pauseReason: "deploy 7: wait, 100% of it\nplease",
    });
  });

  test("not paused, no reason", () => {
    expect(queueStats("q", raw({ settings: "1 0 0 1 1 1 " }))).toMatchObject({
      paused: false,
      pauseReason: null,
    });
  });
});

describe("the age of the oldest pending task", () => {
  const head = (at: number) => encodeEnvelope("t", at, "").slice(0, -1);

  test("is the oldest of all bands", () => {
    expect(
      queueStats("q", raw({ oldest: [head(9_000), "", head(4_000), head(8_000)] })).oldestPendingAgeMs,
    ).toBe(6_000);
  });

  test("is never negative, even if the clock of a producer was ahead", () => {
    expect(queueStats("q", raw({ oldest: [head(11_000)] })).oldestPendingAgeMs).toBe(0);
  });

  test("skips a record that cannot be read", () => {
    expect(queueStats("q", raw({ oldest: ["rubbish", head(9_500)] })).oldestPendingAgeMs).toBe(500);
  });
});
