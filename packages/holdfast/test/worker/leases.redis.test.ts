import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gate, setupSystem, untilAborted } from "./harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
});
afterAll(() => server.stop());

test("heartbeats keep a lease that is far shorter than its task", async () => {
  const system = await setupSystem();
  const janitor = system.janitor({ sweepIntervalMs: 20 });
  await janitor.start();
  const end = gate();
  const { worker } = system.worker("work", { long: () => end.opened }, { leaseMs: 300 });
  let renewed = 0;
  worker.on("renewal", ({ outcome, count }) => {
    if (outcome === "renewed") renewed += count;
  });
  await worker.start();
  const { id } = await system.queue().enqueue("long", null);
  // A lease is renewed after each third of its time, so twelve renewals take four leases.
  await until("the lease was renewed twelve times", () => renewed >= 12);
  end.open();
  expect(await system.queue().result(id, { waitMs: 5_000 })).toMatchObject({
    state: "completed",
    attempts: 1,
    crashes: 0,
  });
});

test("a handler learns once of its lost lease, within one heartbeat, and its ack is stale", async () => {
  const system = await setupSystem();
  const lost: number[] = [];
  const running = gate();
  const end = gate();
  let reason: unknown;
  const { worker, settled } = system.worker(
    "work",
    {
      long: async (task, ctx) => {
        if (task.attempt === 2) return "second";
        ctx.signal.addEventListener("abort", () => {
          reason = ctx.signal.reason;
        });
        running.open();
        await end.opened;
        return "first";
      },
    },
    { leaseMs: 600, concurrency: 2 },
  );
  let renewals = 0;
  worker.on("renewal", ({ outcome, count }) => {
    if (outcome === "lost") lost.push(count);
    renewals++;
  });
  await worker.start();
  const { id } = await system.queue().enqueue("long", null);
  await running.opened;
  // The lease expires only in Redis, as it would if the process were stopped for a while.
  await system.redis.zadd(system.keys().processing, 1, id);
  expect(await system.engine().reap(10)).toMatchObject({ requeued: 1 });
  const beats = renewals;
  await until("the handler is told", () => reason !== undefined);
  // At most two more heartbeats are sent: the one that was already on its way, and the next.
  expect(renewals - beats).toBeLessThanOrEqual(2);
  expect(reason).toMatchObject({ reason: "lease_lost" });
  expect(await system.queue().result(id, { waitMs: 5_000 })).toMatchObject({
    state: "completed",
    attempts: 2,
    crashes: 1,
    resultText: '"second"',
  });
  // Further heartbeats renew another task, and do not report the lost lease again.
  const other = await system.queue().enqueue("long", null);
  const seen = renewals;
  await until("three more heartbeats were sent", () => renewals >= seen + 3);
  expect(lost).toEqual([1]);
  end.open();
  expect((await system.queue().result(other.id, { waitMs: 5_000 }))?.state).toBe("completed");
  await until("three attempts are reported", () => settled.length === 3);
  expect(settled.filter((event) => event.task.id === id).map((event) => event.outcome)).toEqual([
    "acked",
    "stale",
  ]);
  expect((await system.observer.stats("work")).totals).toMatchObject({ acked: 2, stale: 1 });
});

test("a worker continues after an outage of Redis without a restart, and its health shows the outage", async () => {
  const system = await setupSystem(server.url);
  const queue = system.queue();
  const end = gate();
  const running = gate();
  const { worker, errors, settled } = await system.started(
    "work",
    {
      long: async () => {
        running.open();
        await end.opened;
        return "kept";
      },
      short: () => "done",
    },
    {
      pollMs: 100,
      redis: { url: server.url, commandTimeoutMs: 1_000 },
    },
  );
  await until("the worker has polled once", () => worker.lastGoodPollAgeMs() < 1_000);
  const long = await queue.enqueue("long", null);
  const [waiting] = await queue.enqueueMany([{ type: "short", payload: 0, delayMs: 300 }]);
  await running.opened;
  await server.kill();
  // The worker cannot settle the task before Redis is back.
  end.open();
  await until(
    "the age of the last good poll grows and the error is reported",
    () => worker.lastGoodPollAgeMs() > 1_500 && errors.length > 0,
  );
  expect(["redis_unavailable", "outcome_unknown"]).toContain(errors[0]?.code);
  await server.start();
  expect(await queue.result(long.id, { waitMs: 10_000 })).toMatchObject({
    state: "completed",
    resultText: '"kept"',
    attempts: 1,
    crashes: 0,
  });
  expect((await queue.result(waiting?.ok ? waiting.receipt.id : "", { waitMs: 10_000 }))?.state).toBe(
    "completed",
  );
  // Enqueues wake the worker again after the outage.
  const after = await queue.enqueue("short", null);
  expect((await queue.result(after.id, { waitMs: 5_000 }))?.state).toBe("completed");
  expect(worker.lastGoodPollAgeMs()).toBeLessThan(8_000);
  await until("three attempts are reported", () => settled.length === 3);
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("a handler learns that its lease may be over, even while Redis is away", async () => {
  const system = await setupSystem(server.url);
  let reason: unknown;
  const running = gate();
  await system.started(
    "work",
    {
      long: (_, ctx) => {
        running.open();
        return untilAborted(ctx.signal).catch((error) => {
          reason = error;
        });
      },
    },
    { leaseMs: 600 },
  );
  await system.queue().enqueue("long", null);
  await running.opened;
  await server.kill();
  const killedAt = performance.now();
  try {
    // A call to Redis waits for 5 s by default. The worker does not wait for it, but decides about the lease at once.
    await until("the handler is told", () => reason !== undefined, 5_000);
    expect(performance.now() - killedAt).toBeLessThan(4_500);
    expect(reason).toMatchObject({ reason: "lease_lost" });
  } finally {
    await server.start();
  }
});

test("the verdicts of a lost lease and of the next one arrive in one call: the current one counts", async () => {
  const system = await setupSystem();
  const engine = system.engine();
  const { id } = await system.queue().enqueue("any", null);
  const base = (want: number, nonce: string) => ({
    want,
    held: 0,
    leaseMs: 1,
    maxRetries: 3,
    workerId: "w",
    nonce,
    park: false,
    noHandlerAfterMs: 1_000,
  });
  const [first] = (await engine.acquire(base(1, "n1"))).grants;
  await until("the task is taken back", async () => (await engine.reap(10)).requeued === 1);
  const [second] = (await engine.acquire(base(1, "n2"))).grants;
  const acks = [first, second].map((grant) => ({ kind: "ack" as const, id, fence: grant?.fence ?? "" }));
  expect((await engine.settle(acks, base(0, "n3"))).outcomes).toEqual(["stale", "acked"]);
  expect(await system.queue().get(id)).toMatchObject({
    state: "completed",
    fence: second?.fence,
    attempts: 2,
  });
});

test("a running handler learns of a cancel at once, however rarely its worker sends heartbeats", async () => {
  const system = await setupSystem();
  const running = gate();
  const aborted = gate();
  const hold = (_: unknown, { signal }: { signal: AbortSignal }) => {
    signal.addEventListener("abort", () => aborted.open());
    running.open();
    return untilAborted(signal);
  };
  // With this lease the worker sends a heartbeat only every 200 s.
  const { settled } = await system.started("work", { hold }, { leaseMs: 600_000 });
  const { id } = await system.queue().enqueue("hold", 1);
  await running.opened;
  expect(await system.queue().cancel(id)).toBe("requested");
  await aborted.opened;
  await until("the task has ended", () => settled.length === 1);
  expect(settled[0]).toMatchObject({ outcome: "cancelled" });
});
