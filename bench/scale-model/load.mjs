// Runs one process of a measurement: a producer or a worker at full speed, or a janitor or an observer in a loop. It
// tells its parent how much it has done whenever the parent asks.
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast, Janitor, Observer, Queue, Worker } from "../../packages/holdfast/dist/index.js";
import { readArgs, serveParent } from "../workloads/shared/children.mjs";

const args = readArgs();
const { role, redis, queue: name = "tasks" } = args;
const done = { tasks: 0, calls: 0 };
const options = { redis };
/** With these options, `done.calls` counts the script calls. */
const counted = { ...options, onScript: () => done.calls++ };

/** Enqueues until it is stopped, or until it has enqueued `count` tasks. At most `most` tasks wait at any time. */
async function produce({
  batch = 1_000,
  inFlight = 2,
  most = 100_000,
  count,
  keys,
  payloadBytes = 96,
  partitions,
}) {
  const observer = new Observer(options);
  const client = new Holdfast(counted);
  const queue = new Queue(name, { client, ...(partitions ? { partitions } : {}) });
  await queue.ready();
  const payload = { pad: "x".repeat(Math.max(0, payloadBytes - 10)) };
  let sent = 0;
  let begun = 0;
  let open = true;
  let full = false;
  const next = (size) =>
    Array.from({ length: size }, () => ({
      type: "noop",
      payload,
      ...(keys ? { key: `key-${sent++ % keys}` } : {}),
    }));
  const lane = async () => {
    while (open && (count === undefined || begun < count)) {
      begun += batch;
      if (full) await delay(2);
      else if (batch === 1) await queue.enqueue("noop", payload).then(() => done.tasks++);
      else {
        const results = await queue.enqueueMany(next(batch));
        if (results.some((result) => !result.ok)) throw new Error("an enqueue was refused");
        done.tasks += batch;
      }
    }
  };
  const watch = async () => {
    for (; open && count === undefined; await delay(50)) full = (await observer.stats(name)).pending > most;
  };
  const running = Promise.all([watch(), ...Array.from({ length: inFlight }, lane)]);
  if (count !== undefined) await running;
  return async () => {
    open = false;
    await running;
    await queue.close();
    await client.close();
    await observer.close();
  };
}

/**
 * Runs a worker until it is stopped. A handler takes a random time, from half of `handlerMs` to one and a half times
 * `handlerMs`.
 */
async function work({ concurrency = 50, aheadMs, handlerMs = 0 }) {
  const noop = handlerMs === 0 ? () => {} : () => delay(handlerMs * (0.5 + Math.random()));
  const worker = new Worker(
    name,
    { noop },
    { ...counted, concurrency, ...(aheadMs === undefined ? {} : { aheadMs }) },
  );
  worker.on("error", (error) => console.error(error.message));
  worker.on("settled", () => done.tasks++);
  await worker.start();
  return () => worker.stop({ graceMs: 2_000 });
}

/**
 * Sweeps all queues (as a janitor), or reads the state of all queues (as observability), in a loop. Each sweep or
 * reading counts as one task.
 */
async function repeat() {
  const janitor = new Janitor({ ...counted, auditIntervalMs: 0, schedules: false });
  const observer = new Observer(counted);
  let open = true;
  const loop = (async () => {
    while (open) {
      const startedAt = performance.now();
      if (role === "sweep") await janitor.runOnce();
      else await observer.snapshot();
      done.lastMs = performance.now() - startedAt;
      done.tasks++;
    }
  })();
  return async () => {
    open = false;
    await loop;
    await janitor.stop();
    await observer.close();
  };
}

const ROLES = { produce, work, sweep: repeat, look: repeat };
const stop = await ROLES[role](args);
serveParent(() => ({ ...done }), stop);
