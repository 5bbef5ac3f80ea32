// Runs the phases of one system in a separate process, and prints their costs. The workloads define the phases.
import { countCalls, openMeter } from "./meter.mjs";

const { system, url, payloadBytes = 96, seed = 1, phases } = JSON.parse(process.argv[2]);
const CHUNK = 1_000;
const CHUNKS_IN_FLIGHT = 2;

const adapter = await import(`../adapters/${system}.mjs`);
const meter = await openMeter(url);
countCalls(adapter.clientCalls);

const head = JSON.stringify({ i: 1_000_000, pad: "" }).length;
const pad = "x".repeat(Math.max(0, payloadBytes - head));
// The index always has seven digits, so that every payload has the same size.
const payloadOf = (i) => ({ i: 1_000_000 + i, pad });

let random = seed;
/** Returns a pseudo-random number, at least 0 and below 1. All systems get the same numbers in the same round. */
function next() {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  return random / 4_294_967_296;
}

async function bulk(target, count, options) {
  let from = 0;
  const run = async () => {
    while (from < count) {
      const at = from;
      from += CHUNK;
      const size = Math.min(CHUNK, count - at);
      await target.bulk(
        Array.from({ length: size }, (_, i) => payloadOf(at + i)),
        options,
      );
    }
  };
  await Promise.all(Array.from({ length: CHUNKS_IN_FLIGHT }, run));
}

/** Starts a worker that runs `count` tasks. Resolves when Redis has confirmed the last verdict. */
async function startWork(target, { count, concurrency, failing = 0, dueAt, batchOf }) {
  const succeeded = new Uint8Array(count);
  const late = [];
  let done = 0;
  let dead = 0;
  let attempts = 0;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  const worker = await target.worker({
    concurrency,
    batchOf,
    handler: async ({ i }) => {
      attempts++;
      if (dueAt) late.push(Date.now() - dueAt[i - 1_000_000]);
      if (failing > 0 && next() < failing) throw new Error("fails");
      succeeded[i - 1_000_000]++;
    },
    onDone(failed) {
      if (failed) dead++;
      if (++done === count) finish();
    },
  });
  return {
    start: () => worker.start(),
    finished,
    async check() {
      await worker.stop();
      const counts = await target.counts();
      const once = succeeded.reduce((sum, times) => sum + (times === 1 ? 1 : 0), 0);
      const expected = { waiting: 0, active: 0, completed: count - dead, failed: dead };
      const wrong = Object.keys(expected).filter((key) => counts[key] !== expected[key]);
      if (wrong.length || once !== count - dead || done !== count)
        throw new Error(
          `${system}: ${count} tasks, ${once} succeeded once, ${done} settled, ${dead} dead; the queue says ${JSON.stringify(counts)}`,
        );
      late.sort((a, b) => a - b);
      return {
        attempts: attempts / count,
        dead,
        ...(dueAt
          ? { late_p50_ms: late[late.length >> 1], late_p99_ms: late[Math.floor(late.length * 0.99)] }
          : {}),
      };
    },
  };
}

async function mixed(target, phase, work) {
  // While the worker runs, `producers` loops enqueue tasks, one at a time each. So there are always this many open
  // requests.
  let from = 0;
  work.start();
  const produce = async () => {
    while (from < phase.count) await target.one(payloadOf(from++));
  };
  await Promise.all([work.finished, ...Array.from({ length: phase.producers }, produce)]);
}

/** Returns the task options of a phase; undefined if it has none. */
function optionsOf({ retries, keys }) {
  if (retries === undefined && keys === undefined) return undefined;
  return {
    ...(retries === undefined ? {} : { retries }),
    ...(keys === undefined ? {} : { keyOf: ({ i }) => `key-${i % keys}` }),
  };
}

/** Runs one phase on one queue. Returns its costs. */
async function run(target, phase) {
  if (phase.do === "limit") return target.limit(phase.limits);
  const measured = await meter.before();
  const options = optionsOf(phase);
  if (phase.do === "bulk" || phase.do === "single" || phase.do === "flow") {
    const children = phase.do === "flow" ? Array.from({ length: phase.count }, (_, i) => payloadOf(i)) : [];
    measured.begin();
    if (phase.do === "bulk") await bulk(target, phase.count, options);
    else if (phase.do === "flow") await target.flow(children, payloadOf(phase.count));
    else await Promise.all(Array.from({ length: phase.count }, (_, i) => target.one(payloadOf(i), options)));
    measured.end();
    const costs = await measured.costs(phase.count);
    const { waiting } = await target.counts();
    if (waiting !== phase.count) throw new Error(`${system}: ${phase.count} enqueued, ${waiting} wait`);
    return costs;
  }
  const dueAt = phase.do === "scheduled" ? new Float64Array(phase.count) : undefined;
  const work = await startWork(target, { ...phase, dueAt });
  measured.begin();
  if (phase.do === "mixed") await mixed(target, phase, work);
  else if (dueAt) {
    work.start();
    await Promise.all(
      Array.from(dueAt, (_, i) => {
        const delayMs = 300 + Math.floor(next() * phase.spreadMs);
        dueAt[i] = Date.now() + delayMs;
        return target.one(payloadOf(i), { delayMs });
      }),
    );
    await work.finished;
  } else {
    work.start();
    await work.finished;
  }
  measured.end();
  const costs = await measured.costs(phase.count);
  return { ...costs, ...(await work.check()) };
}

const results = {};
const targets = new Map();
for (const phase of phases) {
  if (phase.do === "flush") {
    for (const target of targets.values()) await target.close();
    targets.clear();
    await meter.redis.flushall();
    continue;
  }
  const queue = phase.queue ?? "compare";
  const target =
    targets.get(queue) ??
    (await adapter.open({ url, queue, delayed: phases.some((p) => p.do === "scheduled") }));
  targets.set(queue, target);
  const costs = await run(target, phase);
  if (phase.as) results[phase.as] = costs;
}
for (const target of targets.values()) await target.close();
meter.close();
process.stdout.write(`\n${JSON.stringify(results)}\n`, () => process.exit(0));
