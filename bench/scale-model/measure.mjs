// Measures the costs that the model uses, on one Redis. The measured processes run load.mjs.
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast, Observer, Queue } from "../../packages/holdfast/dist/index.js";
import { rssMb } from "../harness/process-cost.mjs";
import { median } from "../harness/statistics.mjs";
import { growing } from "./model.mjs";
import { observe, start } from "./observe.mjs";

const PAYLOAD_BYTES = 96;
const LARGE_BYTES = 4_096;
/**
 * The tasks per call of a producer, and the partitions of a queue. With this number, a call has several tasks but is
 * not full.
 */
const SOME = 8;
const SLOW_MS = 20;
const SLOW_TASKS = 10_000;
const KEYS = 100;
const KEPT = 10_000;
const ENDLESS = Number.MAX_SAFE_INTEGER;
const PARTITIONS = 64;
const QUEUES = 200;
const CREATED_TOGETHER = 100;
const DISCOVERED = 10_000;

/** Runs one process alone, and returns its costs per task. */
async function alone(server, role, args, times) {
  const child = await start(role, server.url, args);
  try {
    const seen = await observe([server], [child], times);
    const [tasks, calls] = [seen.tasks[0], seen.calls[0]];
    if (tasks + calls === 0) throw new Error(`${role} ${JSON.stringify(args)}: nothing was done`);
    return {
      redisUs: seen.redisUs[0] / tasks,
      nodeUs: seen.nodeUs[0] / tasks,
      calls: calls / tasks,
      wireBytes: seen.wireBytes / tasks,
      commands: seen.commands / tasks,
      memoryBytes: seen.memoryBytes / tasks,
      perS: tasks / seen.seconds,
      redisUsPerS: seen.redisUs[0] / seen.seconds,
      nodeUsPerS: seen.nodeUs[0] / seen.seconds,
      rssMb: rssMb(child.pid),
    };
  } finally {
    await child.stop();
  }
}

async function fill(server, count, args = {}) {
  const child = await start("produce", server.url, { count, ...args });
  await child.stop();
}

/** Creates queues or partitions without tasks. */
async function create(server, { queues = 1, partitions }) {
  const client = new Holdfast({ redis: server.url });
  const made = Array.from(
    { length: queues },
    (_, at) => new Queue(queues === 1 ? "tasks" : `tasks-${at}`, { client, partitions }),
  );
  for (let at = 0; at < made.length; at += CREATED_TOGETHER)
    await Promise.all(made.slice(at, at + CREATED_TOGETHER).map((queue) => queue.ready()));
  await client.close();
}

async function limitKey(server) {
  const observer = new Observer({ redis: server.url });
  await observer.limits.set("tasks", { key: { concurrency: 1 } });
  await observer.close();
}

/** Makes each measurement once. @returns name of the measurement -> result */
async function measureRound(server, quick) {
  const tasks = quick ? 60_000 : 300_000;
  const long = quick ? { warmMs: 300, forMs: 400 } : { warmMs: 700, forMs: 1_200 };
  const short = { warmMs: 300, forMs: quick ? 300 : 600 };
  const idle = { warmMs: 1_500, forMs: quick ? 2_000 : 4_000 };
  const ingest = (args, warmTasks, times = short) =>
    alone(server, "produce", { most: ENDLESS, ...args }, { ...times, warmTasks });
  /** Drains a queue of `count` tasks. The first third of them warms the worker up. */
  const drain = async (args, { times = short, count = tasks / 4, filled = {} } = {}) => {
    await fill(server, count, filled);
    return alone(server, "work", args, { ...times, warmTasks: count / 3 });
  };
  const idleWorker = async (partitions) => {
    await create(server, { partitions });
    return alone(server, "work", {}, idle);
  };
  const ofQueues = async (role) => {
    await create(server, { queues: QUEUES });
    return alone(server, role, {}, idle);
  };
  const runs = {
    ingest: () => ingest({}, tasks / 5, long),
    ingestSome: () => ingest({ batch: SOME }, tasks / 5),
    ingestOne: () => ingest({ batch: 1, inFlight: 1 }, tasks / 50),
    ingestLarge: () => ingest({ payloadBytes: LARGE_BYTES }, tasks / 20),
    process: () => drain({}, { times: long, count: tasks }),
    // This worker takes no tasks ahead, so a call settles only the tasks of its few slots.
    processSome: () => drain({ aheadMs: 0, concurrency: SOME }, { count: tasks / 4 }),
    // Slow handlers do not end at the same time, so a call settles about one task.
    processOne: () => drain({ aheadMs: 0, handlerMs: SLOW_MS }, { times: long, count: SLOW_TASKS }),
    processLarge: () => drain({}, { filled: { payloadBytes: LARGE_BYTES } }),
    processKeys: () => drain({}, { filled: { keys: KEYS } }),
    oneKey: async () => {
      await create(server, {});
      await limitKey(server);
      return drain({}, { filled: { keys: 1 }, count: tasks / 10 });
    },
    pushed: () => pushed(server, { ...short, warmTasks: tasks / 200 }),
    kept: () => kept(server),
    idle: () => idleWorker(undefined),
    idleParts: () => idleWorker(PARTITIONS),
    sweep: () => ofQueues("sweep"),
    look: () => ofQueues("look"),
  };
  const seen = {};
  for (const [name, run] of Object.entries(runs)) {
    await server.client.flushall();
    seen[name] = await run();
  }
  return seen;
}

/**
 * Measures tasks that are enqueued one at a time for an idle worker. The enqueue grants the task to the worker and
 * wakes it.
 */
async function pushed(server, times) {
  const worker = await start("work", server.url);
  const producer = await start("produce", server.url, { batch: 1, inFlight: 1 });
  try {
    const seen = await observe([server], [producer, worker], times);
    const [tasks] = seen.tasks;
    return { redisUs: seen.redisUs[0] / tasks, nodeUs: (seen.nodeUs[0] + seen.nodeUs[1]) / tasks };
  } finally {
    await Promise.all([producer.stop(), worker.stop()]);
  }
}

/** Measures the memory of a completed task that is kept with its payload. */
async function kept(server) {
  await create(server, {});
  const usedMemory = async () => Number(/^used_memory:(\d+)/m.exec(await server.client.info("memory"))[1]);
  const before = await usedMemory();
  await fill(server, KEPT);
  const worker = await start("work", server.url);
  for (let done = 0; done < KEPT; done = (await worker.ask({})).answer.tasks) await delay(20);
  await worker.stop();
  return { memoryBytes: ((await usedMemory()) - before) / KEPT };
}

/**
 * Measures two times with very many idle queues: a sweep of a janitor, and a reading of all queues by observability.
 */
async function discover(server, quick) {
  const queues = quick ? DISCOVERED / 10 : DISCOVERED;
  await server.client.flushall();
  await create(server, { queues });
  const lastMs = async (role) => {
    const child = await start(role, server.url);
    try {
      // The first sweep or reading is not counted, because V8 is still compiling its code.
      for (;;) {
        const { answer } = await child.ask({});
        if (answer.tasks >= 2) return answer.lastMs;
        await delay(50);
      }
    } finally {
      await child.stop();
    }
  };
  return { queues, sweepMs: await lastMs("sweep"), lookMs: await lastMs("look") };
}

/** Returns the costs of the model: the medians of `rounds` rounds. */
export async function measureCosts(server, { quick = false, rounds = 3, onRound = () => {} } = {}) {
  const all = [];
  for (let round = 1; round <= rounds; round++) {
    all.push(await measureRound(server, quick));
    onRound(round, rounds);
  }
  const of = (name, what) => median(all.map((round) => round[name][what]));
  /** Returns the cost of a task at different numbers of calls per task. */
  const points = (...names) => {
    const costs = names.map((name) => ({
      calls: of(name, "calls"),
      redisUs: of(name, "redisUs"),
      nodeUs: of(name, "nodeUs"),
    }));
    const kept = growing(costs);
    if (kept.length > 1) return kept;
    throw new Error(
      `the machine is too busy to measure: costs have to grow with the calls per task, got ${JSON.stringify(costs)}`,
    );
  };
  const perKb = (large, small, what) =>
    Math.max(0, (of(large, what) - of(small, what)) / ((LARGE_BYTES - PAYLOAD_BYTES) / 1_024));
  const keyCall = Math.min(KEYS, 1 / of("processKeys", "calls"));
  const perPart = (what, per) => Math.max(0, (of("idleParts", what) - of("idle", what)) / per);
  return rounded({
    payloadBytes: PAYLOAD_BYTES,
    ingest: points("ingest", "ingestSome", "ingestOne"),
    process: points("process", "processSome", "processOne"),
    perKb: {
      ingestRedisUs: perKb("ingestLarge", "ingest", "redisUs"),
      ingestNodeUs: perKb("ingestLarge", "ingest", "nodeUs"),
      processRedisUs: perKb("processLarge", "process", "redisUs"),
      processNodeUs: perKb("processLarge", "process", "nodeUs"),
      bytes: perKb("ingestLarge", "ingest", "memoryBytes"),
      wireBytes: perKb("ingestLarge", "ingest", "wireBytes") + perKb("processLarge", "process", "wireBytes"),
    },
    // A call looks at each key of its tasks once, whatever the number of tasks.
    key: {
      redisUs: Math.max(
        0,
        (of("processKeys", "redisUs") - of("process", "redisUs")) / (of("processKeys", "calls") * keyCall),
      ),
      oneAtATimePerS: of("oneKey", "perS"),
    },
    bytes: { waiting: of("ingest", "memoryBytes"), kept: of("kept", "memoryBytes") },
    wireBytes: of("ingest", "wireBytes") + of("process", "wireBytes"),
    commands: of("ingest", "commands") + of("process", "commands"),
    pushed: { redisUs: of("pushed", "redisUs"), nodeUs: of("pushed", "nodeUs") },
    idlePerPart: {
      redisUsPerS: perPart("redisUsPerS", PARTITIONS - 1),
      nodeUsPerS: perPart("nodeUsPerS", PARTITIONS - 1),
    },
    perQueue: {
      sweepMs: 1_000 / of("sweep", "perS") / QUEUES,
      sweepRedisUs: of("sweep", "redisUs") / QUEUES,
      lookMs: 1_000 / of("look", "perS") / QUEUES,
      lookRedisUs: of("look", "redisUs") / QUEUES,
    },
    discovery: await discover(server, quick),
    rssMb: {
      producer: of("ingest", "rssMb"),
      worker: of("process", "rssMb"),
      janitor: of("sweep", "rssMb"),
      observer: of("look", "rssMb"),
    },
  });
}

/** Rounds every number to four digits. */
const rounded = (costs) =>
  JSON.parse(
    JSON.stringify(costs, (_, value) => (typeof value === "number" ? Number(value.toPrecision(4)) : value)),
  );
