import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "holdfast";
import { until } from "../../chaos/harness/until.mjs";
import { Hands } from "../harness/hands.mjs";

const LEASE_MS = 300;
const SLOTS = 2;
const error = "Error: no";

/**
 * Before each transition, a key allows two running tasks and has four: t1 and t2 are leased, and t3 and t4 wait.
 * After the transition, `running` is the expected number of leases that the key counts, and `next` is the expected
 * number of tasks that the next call is granted.
 */
const transitions = [
  { name: "acquire", running: 2, next: 0, do: () => {} },
  {
    name: "heartbeat",
    running: 2,
    next: 0,
    do: ({ engine, t1 }) => engine.heartbeat([t1.id, t1.fence], 60_000),
  },
  { name: "ack", running: 1, next: 1, do: ({ hands, t1 }) => hands.ack([t1]) },
  {
    name: "ack that also acquires the next task",
    running: 2,
    next: 0,
    do: ({ hands, t1 }) => hands.ack([t1], 5),
  },
  { name: "fail, retry now", running: 1, next: 1, do: ({ settle }) => settle("fail", { delayMs: 0, error }) },
  {
    name: "fail, retry later",
    running: 1,
    next: 1,
    do: ({ settle }) => settle("fail", { delayMs: 60_000, error }),
  },
  { name: "fatal", running: 1, next: 1, do: ({ settle }) => settle("fatal", { error }) },
  {
    name: "fail of the last attempt",
    retries: 0,
    running: 1,
    next: 1,
    do: ({ settle }) => settle("fail", { delayMs: 0, error }),
  },
  { name: "quarantine", running: 1, next: 1, do: ({ settle }) => settle("quarantine", { error }) },
  { name: "release", running: 1, next: 1, do: ({ settle }) => settle("release") },
  { name: "unstarted", running: 1, next: 1, do: ({ settle }) => settle("unstarted") },
  { name: "unrouted", running: 1, next: 1, do: ({ settle }) => settle("unrouted") },
  {
    name: "limited",
    running: 1,
    next: 0,
    do: ({ settle }) => settle("limited", { delayMs: 60_000, scope: "key" }),
  },
  { name: "cancel of a running task", running: 2, next: 0, do: ({ engine, t1 }) => engine.cancel(t1.id) },
  {
    name: "release of a cancelled task",
    running: 1,
    next: 1,
    do: async ({ engine, settle, t1 }) => {
      await engine.cancel(t1.id);
      await settle("release");
    },
  },
  {
    name: "leases that end",
    leaseMs: LEASE_MS,
    running: 0,
    next: 2,
    do: async ({ engine }) => {
      await sleep(LEASE_MS + 20);
      await engine.reap(100);
    },
  },
  {
    name: "expiry of leases in the last attempt",
    leaseMs: LEASE_MS,
    retries: 0,
    running: 0,
    next: 2,
    do: async ({ engine }) => {
      await sleep(LEASE_MS + 20);
      await engine.reap(100);
    },
  },
  {
    name: "a stale ack",
    leaseMs: LEASE_MS,
    running: 0,
    next: 2,
    do: async ({ engine, hands, t1 }) => {
      await sleep(LEASE_MS + 20);
      await engine.reap(100);
      await hands.ack([t1]);
    },
  },
  {
    name: "replay of a dead letter",
    running: 1,
    next: 1,
    do: async ({ settle, engine, t1 }) => {
      await settle("fatal", { error });
      await engine.replay([t1.id, ""]);
    },
  },
  {
    name: "discard and restore of a dead letter",
    running: 1,
    next: 1,
    do: async ({ settle, engine, t1 }) => {
      await settle("fatal", { error });
      await engine.discard([t1.id, ""], undefined, { discard: "d1" });
      await engine.restore([t1.id], "d1");
    },
  },
  { name: "cancel of a waiting task", running: 2, next: 0, do: ({ engine }) => engine.cancel("t3") },
  {
    name: "expiry of a waiting task",
    expiresInMs: 50,
    running: 2,
    next: 0,
    do: async ({ engine }) => {
      await sleep(70);
      await engine.expire(100);
    },
  },
  {
    name: "empty",
    running: 2,
    next: 0,
    do: ({ observer, queueName }) => observer.empty(queueName, ["pending"]),
  },
];

export const number = 16;
export const name = "each-transition";
export const check = `${transitions.length + 2} transitions of a task with a key, a drained worker and a killed child process among them`;
export const expected =
  "each transition frees or keeps exactly one place of the key: the count of the key, the recount of the audit, and the number of tasks that the next call is granted all show it";
export const waits = true;

async function attempt(ctx, view, transition, n) {
  const { client, observer } = view;
  const queueName = `t${n}`;
  const queue = new Queue(queueName, { client });
  const engine = client.engine(queueName);
  const hands = new Hands(engine, transition.leaseMs ? { leaseMs: transition.leaseMs } : {});
  await observer.limits.set(queueName, { key: { concurrency: SLOTS } });
  const options = { key: "k", ...(transition.retries === 0 ? { maxRetries: 0 } : {}) };
  for (const id of ["t1", "t2"]) await queue.enqueue("sleep", {}, { id, ...options });
  const [t1, t2] = await hands.acquire(5);
  for (const id of ["t3", "t4"])
    await queue.enqueue(
      "sleep",
      {},
      {
        id,
        key: "k",
        ...(transition.expiresInMs ? { expiresAt: client.connection.now() + transition.expiresInMs } : {}),
      },
    );
  const settle = (kind, more = {}) => hands.settle([{ ...t1, kind, ...more }]);
  await transition.do({ engine, hands, observer, queueName, settle, t1, t2 });
  const { running } = await observer.limits.key(queueName, "k");
  const say = (holds, text) => ctx.expect(holds, `${transition.name}: ${text}`);
  say(running === transition.running, `${running} leases are counted, ${transition.running} expected`);
  const { violations } = await observer.audit(queueName);
  say(violations.length === 0, `audit: ${violations[0]?.detail}`);
  // This call names its types. So it can also be granted a task that was moved aside for its type.
  const granted = (await hands.acquire(5, { types: " sleep" })).length;
  say(granted === transition.next, `the next call is granted ${granted} tasks, ${transition.next} expected`);
}

/** Checks a worker that is drained, and a child process that is killed at its time-out. */
async function processes(ctx, redis, view) {
  const { client, observer } = view;
  const { limits } = observer;
  const worker = await ctx.slots(redis.url, { queue: "drained", leaseMs: 30_000 }).ready();
  const drained = new Queue("drained", { client });
  await limits.set("drained", { key: { concurrency: SLOTS } });
  for (let n = 0; n < 30; n++) await drained.enqueue("sleep", { ms: 500 }, { key: "k" });
  const { workerId } = worker.heard("process", { what: "ready" })[0];
  await until("two tasks run", async () => (await limits.key("drained", "k")).running === SLOTS);
  await observer.drainWorker(workerId);
  await until("the worker is drained", async () =>
    (await observer.workers()).some(({ id, state }) => id === workerId && state === "drained"),
  );
  const after = await limits.key("drained", "k");
  ctx.expect(
    after.running === 0 && after.waiting > 0,
    `drained: ${after.running} running, ${after.waiting} waiting`,
  );

  // There is only one child process, and it does not stop at its time-out. The second task can run only after this
  // child was killed and replaced.
  const isolated = await ctx.program("isolated", { redis: redis.url, queue: "isolated" }).ready();
  const queue = new Queue("isolated", { client });
  await limits.set("isolated", { key: { concurrency: 1 } });
  for (const id of ["a", "b"])
    await queue.enqueue("stuck", {}, { id, key: "k", timeoutMs: 300, maxRetries: 0 });
  await until("both child processes were killed", () => isolated.heard("settle").length === 2, 20_000);
  const killed = await limits.key("isolated", "k");
  ctx.expect(killed.running === 0, `killed child process: ${killed.running} running`);
  for (const id of ["a", "b"]) {
    const { state, lastError } = await observer.task("isolated", id);
    ctx.expect(
      state === "dead" && lastError.includes("timed out"),
      `killed child process: ${id} is ${state}, ${lastError}`,
    );
  }
  for (const name of ["drained", "isolated"]) {
    const { violations } = await observer.audit(name);
    ctx.expect(violations.length === 0, `${name}: audit: ${violations[0]?.detail}`);
  }
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  let n = 0;
  for (const transition of transitions) await attempt(ctx, view, transition, ++n);
  await processes(ctx, redis, view);
  return `${transitions.length + 2} transitions; ${ctx.failed.length} checks failed (of counts, recounts and next calls)`;
}
