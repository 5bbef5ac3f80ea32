// The demo (`make demo`, `pnpm run benchmark`) sends 10,000 tasks through producer-api. One attempt in five fails. In
// the middle, one worker is killed with SIGKILL. Dead letters are replayed until none is left. Then every id is looked
// up in Redis. The exit code is 0 only if all tasks are completed.
//
//   node loadtest/demo/demo.mjs [--tasks 10000] [--fail-rate 0.2] [--no-kill]
//
// During the run the workers have a lease of 5 s (LEASE_MS). At the end they get their old setting back.
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ApiError, forEach, openApi } from "./api.mjs";
import { openProgress } from "./progress.mjs";
import { readRecords } from "./records.mjs";
import { apiKey, borrowWorkers, openStack, urls } from "./stack.mjs";
import { recovery, tally } from "./tally.mjs";

const QUEUE = "demo";
const LEASE_MS = 5_000;
const BATCH = 500;
const { values: options } = parseArgs({
  options: {
    tasks: { type: "string", default: "10000" },
    "fail-rate": { type: "string", default: "0.2" },
    "no-kill": { type: "boolean", default: false },
  },
});
const total = Number(options.tasks);
const failRate = Number(options["fail-rate"]);
if (!Number.isInteger(total) || total < 1 || !(failRate >= 0 && failRate < 1)) {
  console.error(
    "demo: --tasks has to be an integer of at least 1, and --fail-rate a number from 0 to below 1",
  );
  process.exit(2);
}

const fail = (error) => {
  console.error(`demo: ${error.message}`);
  process.exit(1);
};
const stack = options["no-kill"] ? null : await openStack().catch(fail);
const key = apiKey();
const producer = openApi(urls().producer, key);
const observability = openApi(urls().observability, key);
const queuePath = `/v1/queues/${QUEUE}`;

/** Returns the counts of the queue; null if the queue does not exist yet. */
async function readStats() {
  try {
    return await observability("GET", queuePath);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

const restoreWorkers =
  stack === null
    ? async () => {}
    : await borrowWorkers(stack, stack.workers(), { LEASE_MS: String(LEASE_MS) });
const before = await readStats();
const progress = openProgress(total);
const run = `demo-${Date.now().toString(36)}-`;
const ids = Array.from({ length: total }, (_, index) => run + String(index).padStart(5, "0"));

if (stack !== null)
  progress.say(`demo: ${stack.workers()} workers (${stack.way}), lease ${LEASE_MS} ms for this run`);
progress.say(`demo: ${total} tasks of type demo.flaky, failRate ${failRate}, queue ${QUEUE}, ids ${run}*`);

let enqueued = 0;
let latest = before;
const since = (stats) =>
  Object.fromEntries(
    Object.entries(stats.totals).map(([name, value]) => [name, value - (before?.totals[name] ?? 0)]),
  );
async function refresh() {
  const stats = await readStats();
  if (stats === null) return null;
  latest = stats;
  progress.show({ enqueued, stats, totals: since(stats) });
  return stats;
}

// --- ingest -----------------------------------------------------------------------------------------------
async function ingest() {
  const batches = [];
  for (let start = 0; start < total; start += BATCH) batches.push(ids.slice(start, start + BATCH));
  const task = (id) => ({
    id,
    type: "demo.flaky",
    // Each task runs for 20 ms, so that the killed worker certainly holds some tasks.
    payload: { failRate, ms: 20 },
    // The waits between retries are short, so that the demo does not take long.
    backoff: { kind: "exponential", baseMs: 200, maxMs: 2_000 },
  });
  await forEach(batches, 4, async (batch) => {
    for (let open = batch; open.length > 0; ) {
      const { results } = await producer("POST", `${queuePath}/tasks/batch`, open.map(task));
      const refused = results.find(({ status }) => status >= 300 && status !== 429 && status !== 503);
      if (refused) throw new Error(`a task was refused: ${JSON.stringify(refused)}`);
      // The other tasks are sent again, because the service was busy or their outcome is unknown. A stored task is
      // not stored twice.
      open = open.filter((_, index) => !(results[index]?.status < 300));
      if (open.length > 0) await delay(250);
    }
    enqueued += batch.length;
  });
}

// --- the kill ---------------------------------------------------------------------------------------------
/** When the worker was killed, by the clock of Redis. The histories of tasks use the same clock. */
let killedAt = null;
async function killInTheMiddle() {
  for (;;) {
    const stats = await readStats();
    if (stats !== null && since(stats).acked >= total * 0.25 && stats.processing > 0) break;
    if (stats !== null && since(stats).acked >= total * 0.9) break;
    await delay(20);
  }
  const { label, revive } = stack.killWorker();
  killedAt = (await readStats()).at;
  progress.say(
    `demo: killed a worker with SIGKILL (${label}); its tasks come back when their lease runs out`,
  );
  revive();
}

// --- drain and replay -------------------------------------------------------------------------------------
/** Waits until no task waits or runs. Gives up if nothing changes for a minute. */
async function drain() {
  let moved = { key: "", at: Date.now() };
  for (;;) {
    const stats = await refresh();
    if (stats !== null && stats.pending + stats.scheduled + stats.processing === 0) return;
    const key = JSON.stringify(stats?.totals);
    if (key !== moved.key) moved = { key, at: Date.now() };
    if (Date.now() - moved.at > 60_000)
      throw new Error("nothing has moved for 60 s: are workers running for this queue?");
    await delay(100);
  }
}

async function replayUntilNoneIsDead() {
  for (let round = 1; latest.dead > 0; round += 1) {
    if (round > 50) throw new Error(`${latest.dead} dead letters are left after 50 rounds of replay`);
    progress.say(`demo: replaying ${latest.dead} dead letters`);
    const reply = await observability("POST", `${queuePath}/dead-letters/replay`, { all: true });
    if (reply.kind !== undefined) await operationEnd(reply.id);
    await drain();
  }
}

async function operationEnd(id) {
  for (;;) {
    const operation = await observability("GET", `/v1/operations/${id}`);
    if (operation.state === "succeeded") return;
    if (operation.state !== "running") throw new Error(`the replay ${operation.state}: ${operation.error}`);
    await delay(100);
  }
}

async function main() {
  const keep = { retentionCount: Math.max(100_000, total * 2) };
  // Makes the queue keep all tasks until the check. A new queue gets this setting after its first task.
  if (before !== null) await observability("PATCH", queuePath, keep);
  const startedAt = Date.now();
  let ingestEndedAt = startedAt;
  const ticking = setInterval(() => refresh().catch(() => {}), 250);
  const killed = stack === null ? Promise.resolve() : killInTheMiddle();
  killed.catch(() => {}); // the promise is awaited below
  try {
    await ingest();
    ingestEndedAt = Date.now();
    if (before === null) await observability("PATCH", queuePath, keep);
  } finally {
    clearInterval(ticking);
  }
  await drain();
  await killed;
  await drain();
  await replayUntilNoneIsDead();
  const drainedAt = Date.now();
  progress.say("demo: drained; looking up every id");
  const { unfinished, reapedAttempts, ...count } = tally(
    ids,
    await readRecords(observability, queuePath, ids, run, forEach),
  );
  const counters = since(await readStats());
  await observability("PATCH", queuePath, { retentionCount: before?.settings.retentionCount ?? 10_000 });

  const ingestMs = ingestEndedAt - startedAt;
  const drainMs = drainedAt - ingestEndedAt;
  const back = killedAt === null ? null : recovery(reapedAttempts, killedAt);
  // A stale settle comes after its lease has expired. So its task ran twice.
  const duplicates = count.duplicates + counters.stale;
  const rows = [
    ["ingest", `${ingestMs} ms, ${Math.round((total * 1_000) / Math.max(ingestMs, 1))} tasks/s`],
    ["drain", `${drainMs} ms after the ingest, with recovery and replays`],
    // The counters also count grants whose task was handed back before it began. Such a grant is not an attempt.
    ["attempts", `${count.attempts} (counters: ${counters.attempts} grants, ${counters.released} released)`],
    ["retries", `${count.retries} (counters: ${counters.retried})`],
    [
      "dead letters",
      `${count.deadLettered} (counters: ${counters.deadLettered}), replayed ${count.replayed}`,
    ],
    [
      "recovery",
      back
        ? `${back.tasks} tasks of the killed worker ran again ${back.firstMs} to ${back.lastMs} ms after the kill`
        : killedAt === null
          ? "no worker was killed"
          : "the killed worker held no task",
    ],
    ["duplicates", `${duplicates} (${counters.stale} settles refused as stale)`],
    ["completed", `${count.completed} of ${total}`],
    ["lost", `${count.lost}${count.lost ? ` ${JSON.stringify(unfinished)}` : ""}`],
  ];
  progress.say(`\n${rows.map(([name, text]) => `  ${name.padEnd(13)} ${text}`).join("\n")}\n`);
  return {
    tasks: total,
    ingestMs,
    ingestPerSecond: Math.round((total * 1_000) / Math.max(ingestMs, 1)),
    drainMs,
    attempts: count.attempts,
    retries: count.retries,
    reaped: count.reaped,
    deadLettered: count.deadLettered,
    replayed: count.replayed,
    completed: count.completed,
    lost: count.lost,
    duplicates,
  };
}

let result = null;
try {
  result = await main();
} catch (error) {
  progress.say(`demo: ${error.message}`);
} finally {
  await restoreWorkers();
}
if (result !== null) console.log(JSON.stringify(result));
process.exit(result !== null && result.lost === 0 && result.completed === total ? 0 : 1);
