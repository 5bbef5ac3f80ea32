// The soak test, `make soak MINUTES=30`, runs a million tasks. One in five may fail, and one in a hundred always
// fails. Every few seconds it kills one of its processes, a worker or a janitor, and starts that process again. There
// are two of each. Every two minutes it does the same with Redis, which syncs each write to disk. The exit code is 0 if
// no task was lost, the dead letters are the expected ones, the audit is clean, and memory did not grow.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Holdfast, Observer, Queue } from "holdfast";
import { IdSet } from "./harness/id-set.mjs";
import { Actor } from "./harness/processes.mjs";
import { AOF, startRedis } from "./harness/redis.mjs";
import { until } from "./harness/until.mjs";
import { growth, planOf, wrongDeath } from "./soak-checker.mjs";

const minutes = Number(process.env.MINUTES || 30);
if (!(minutes > 0 && minutes <= 24 * 60)) {
  console.error("soak: MINUTES is a number above 0, at most a day");
  process.exit(2);
}
const RATE = 1_000_000 / 1_800;
const total = Math.round(minutes * 60 * RATE);
const QUEUE = "soak";
const RETAINED = 10_000;
const BATCH = 50;
const KILL_MS = [2_000, 6_000];
const REDIS_EVERY_MS = Math.min(120_000, (minutes * 60_000) / 3);
const SAMPLE_MS = Math.min(5_000, minutes * 1_000);
/**
 * The share by which memory may grow from the second third of the run to the last third. This applies to each
 * process, and to Redis per kept task.
 */
const FLAT = 0.15;

const folder = mkdtempSync(join(tmpdir(), "holdfast-soak-"));
const children = new Set();
const track = (child) => {
  children.add(child);
  void child.ended.then(() => children.delete(child));
  return child;
};
const endAll = async () => {
  for (const child of children) await child.kill();
};
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    running = false;
    await endAll();
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
}

const started = performance.now();
const deadline = () => (performance.now() - started) / 60_000 >= minutes;
let running = true;
const redis = await startRedis({
  folder,
  track,
  args: [...AOF.always, "--auto-aof-rewrite-min-size", "32mb"],
});
const settings = { url: redis.url, commandTimeoutMs: 2_000 };
const client = new Holdfast({ redis: settings });
const queue = new Queue(QUEUE, { client });
const observer = new Observer({ client });
const counts = { acknowledged: 0, retries: 0, workersKilled: 0, janitorsKilled: 0, redisKilled: 0 };
const accepted = new IdSet(total);
const failed = [];
const expectThat = (holds, text) => {
  if (!holds) failed.push(text);
};

let labels = 0;
function actor(kind) {
  const label = `${kind}-${++labels}`;
  const options = { redis: settings, queue: QUEUE, sweepIntervalMs: 200, auditIntervalMs: 10_000 };
  if (kind === "janitor") delete options.queue;
  const where = join(folder, "actors");
  mkdirSync(where, { recursive: true });
  return track(new Actor(kind, options, { folder: where, label }));
}
const crew = {
  worker: [actor("soak-worker"), actor("soak-worker")],
  janitor: [actor("janitor"), actor("janitor")],
};
const all = () => [...crew.worker, ...crew.janitor];
for (const one of all()) await one.ready();
// By default Redis remembers an id for an hour. At this rate, that would be two million ids.
await observer.configure(QUEUE, { retentionCount: RETAINED, idempotencyMs: 60_000 });

/** Enqueues tasks whose ids are numbers, so that an accepted id needs only one bit of memory in this process. */
async function enqueue(numbers) {
  for (let open = numbers; open.length > 0; ) {
    const tasks = open.map((number) => ({
      type: "soak",
      payload: planOf(number).payload,
      id: `s${number}`,
    }));
    const results = await queue.enqueueMany(tasks).catch(() => []);
    open = open.filter((number, i) => {
      if (!results[i]?.ok) return true;
      accepted.add(number);
      counts.acknowledged++;
      return false;
    });
    if (open.length === 0) return;
    counts.retries++;
    await sleep(100);
  }
}

async function produce() {
  let next = 0;
  const inFlight = new Set();
  while (running && next < total) {
    const due = Math.min(total, ((performance.now() - started) / 1000) * RATE);
    while (next < due && inFlight.size < 40) {
      const numbers = Array.from({ length: Math.min(BATCH, total - next) }, (_, i) => next + i);
      next += numbers.length;
      const sent = enqueue(numbers).finally(() => inFlight.delete(sent));
      inFlight.add(sent);
    }
    await sleep(20);
  }
  await Promise.all(inFlight);
}

async function killAtRandom() {
  while (!deadline()) {
    await sleep(KILL_MS[0] + Math.random() * (KILL_MS[1] - KILL_MS[0]));
    const kind = Math.random() < 0.5 ? "worker" : "janitor";
    const at = Math.random() < 0.5 ? 0 : 1;
    const victim = crew[kind][at];
    await victim.kill();
    victim.history.close();
    rmSync(join(folder, "actors", `${victim.label}.jsonl`), { force: true });
    counts[`${kind}sKilled`]++;
    crew[kind][at] = actor(kind === "worker" ? "soak-worker" : "janitor");
  }
}

let redisIsUp = true;
async function killRedis() {
  for (;;) {
    const until = performance.now() + REDIS_EVERY_MS;
    while (performance.now() < until) {
      if (deadline()) return;
      await sleep(200);
    }
    redisIsUp = false;
    await redis.kill();
    await sleep(500);
    await redis.start();
    redisIsUp = true;
    counts.redisKilled++;
  }
}

const samples = { producerRss: [], redisPerTask: [], redisMemory: [] };
const rssOf = (pid) => {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/);
  return Number(line?.[1] ?? 0) * 1024;
};
async function sample() {
  while (running) {
    await sleep(SAMPLE_MS);
    if (!redisIsUp) continue;
    try {
      const [info, stats] = [await redis.info(), await observer.stats(QUEUE)];
      const retained = stats.pending + stats.scheduled + stats.processing + stats.completed + stats.dead;
      samples.producerRss.push(process.memoryUsage().rss);
      samples.redisMemory.push(Number(info.used_memory));
      samples.redisPerTask.push(Number(info.used_memory) / Math.max(1, retained));
      const rss = crew.worker.map(({ pid }) => Math.round(rssOf(pid) / 1e6));
      const text = `${counts.acknowledged} of ${total} accepted, ${stats.pending} pending, ${stats.scheduled} scheduled, ${stats.dead} dead`;
      console.log(
        `soak: ${Math.round((performance.now() - started) / 1000)} s: ${text}; Redis ${Math.round(info.used_memory / 1e6)} MB, workers ${rss.join(", ")} MB; killed ${counts.workersKilled}, ${counts.janitorsKilled}, ${counts.redisKilled}`,
      );
    } catch {
      // Redis was killed during this call. The next sample succeeds.
    }
  }
}

console.log(`soak: ${total} tasks in ${minutes} minutes`);
const sampling = sample();
await Promise.all([produce(), killAtRandom(), killRedis()]);

let stats;
await until(
  "the queue is drained",
  async () => {
    stats = await observer.stats(QUEUE).catch(() => null);
    return stats && stats.pending + stats.scheduled + stats.processing === 0;
  },
  120_000 + minutes * 10_000,
  200,
).catch((error) => failed.push(error.message));
running = false;
await sampling;

const dead = new IdSet(total);
const deadOf = { doomed: 0, certain: 0, chance: 0, sound: 0 };
let wrong = 0;
let cursor;
do {
  const page = await observer.list(QUEUE, { state: "dead", limit: 100, ...(cursor ? { cursor } : {}) });
  for (const task of page.tasks) {
    const number = Number(task.id.slice(1));
    const text = accepted.has(number) ? wrongDeath(number, task) : "the task was never accepted";
    dead.add(number);
    deadOf[planOf(number).kind]++;
    if (text !== null && ++wrong <= 3) failed.push(`${task.id}: ${text}`);
  }
  cursor = page.cursor;
} while (cursor);
let doomedMissing = 0;
for (let number = 0; number < total; number += 100)
  if (accepted.has(number) && !dead.has(number)) doomedMissing++;

const { totals } = stats;
// Every accepted task has to be acked or dead at the end. Completed tasks are purged, so only the counters show them.
const lost = accepted.size - totals.acked - dead.size;
expectThat(accepted.size === total, `${accepted.size} of ${total} accepted`);
expectThat(totals.enqueued === total, `${totals.enqueued} enqueued, ${total} accepted`);
expectThat(lost === 0, `${lost} lost: ${totals.acked} acked, ${dead.size} dead`);
expectThat(stats.dead === dead.size, `${stats.dead} dead by the counter, ${dead.size} listed`);
expectThat(wrong === 0, `${wrong} dead letters that should not be dead`);
expectThat(doomedMissing === 0, `${doomedMissing} tasks that always fail are not dead`);
const audit = await observer.audit(QUEUE);
expectThat(audit.violations.length === 0, `the audit: ${audit.violations[0]?.detail}`);
// In a shorter run, fewer tasks end than Redis keeps, so its memory still grows at the end of the run.
const enough = minutes >= 5;
const growths = {
  // All dead letters are kept, so the memory grows with their number. So the memory per kept task is compared.
  redisPerTask: growth(samples.redisPerTask),
  producerRss: growth(samples.producerRss),
};
for (const [name, share] of Object.entries(growths))
  if (enough)
    expectThat(
      share < FLAT,
      `${name} grew by ${Math.round(share * 100)} % from the second third to the last`,
    );
const survivors = crew.worker.map(({ pid }) => rssOf(pid));
expectThat(Math.max(...survivors) < 400e6, `a worker has ${Math.round(Math.max(...survivors) / 1e6)} MB`);

await observer.close();
await client.close();
await endAll();
if (failed.length === 0) rmSync(folder, { recursive: true, force: true });
console.log(
  JSON.stringify({
    soak: true,
    minutes,
    tasks: total,
    ...counts,
    lost,
    dead: dead.size,
    deadOf,
    wrongDeaths: wrong,
    crashes: totals.crashed,
    attempts: totals.attempts,
    stale: totals.stale,
    auditViolations: audit.violations.length,
    growth: Object.fromEntries(
      Object.entries(growths).map(([name, share]) => [name, Math.round(share * 1000) / 1000]),
    ),
    redisBytesPerTask: Math.round(samples.redisPerTask.at(-1) ?? 0),
    workerRssMb: survivors.map((bytes) => Math.round(bytes / 1e6)),
    seconds: Math.round((performance.now() - started) / 1000),
    held: failed.length === 0,
    ...(failed.length > 0 ? { failed, kept: folder } : {}),
  }),
);
process.exit(failed.length === 0 ? 0 : 1);
