// Restarts every process of the running system, one after another and in several rounds (`make rolling-restart`).
// Meanwhile it sends tasks through producer-api and reads them through observability. At the end it looks up every
// id. The exit code is 0 only if no request failed for good and no task is lost.
//
//   node loadtest/rolling-restart.mjs [--seconds 300] [--rate 200] [--redis]      --redis: Redis as well (Compose)
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { forEach, openApi } from "./demo/api.mjs";
import { readRecords } from "./demo/records.mjs";
import { apiKey, openStack, urls } from "./demo/stack.mjs";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    rate: { type: "string", default: "200" },
    redis: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const perSecond = Number(options.rate);
if (!(seconds >= 1 && seconds <= 3_600) || !(perSecond >= 20 && perSecond <= 2_000)) {
  console.error("rolling-restart: --seconds has to be 1 to 3600, and --rate 20 to 2000");
  process.exit(2);
}
const queuePath = "/v1/queues/demo";
const BATCH = 20;

const stack = await openStack().catch((error) => {
  console.error(`rolling-restart: ${error.message}`);
  process.exit(1);
});
const key = apiKey();
const requests = { sent: 0, repeated: 0, failed: 0 };
const count = { onRequest: () => requests.sent++, onRepeat: () => requests.repeated++ };
const producer = openApi(urls().producer, key, count);
const observability = openApi(urls().observability, key, count);
const run = `rolling-${Date.now().toString(36)}-`;
const ids = [];
let isOver = false;

const failed = (error) => {
  requests.failed++;
  console.error(`rolling-restart: a request failed for good: ${error.message}`);
};

/** Sends a batch. If tasks are refused, sends them again with the same ids. */
async function send(batch) {
  for (let open = batch; open.length > 0; ) {
    const tasks = open.map((id) => ({ id, type: "demo.sleep", payload: { ms: 50 } }));
    const { results } = await producer("POST", `${queuePath}/tasks/batch`, tasks);
    const refused = results.find(({ status }) => status >= 300 && status !== 429 && status !== 503);
    if (refused) throw new Error(`a task was refused: ${JSON.stringify(refused)}`);
    open = open.filter((_, index) => !(results[index]?.status < 300));
    if (open.length > 0) await delay(100);
  }
}

/** Sends batches at a fixed rate. A request that has to wait for a service does not delay the next ones. */
async function load() {
  const open = new Set();
  const startedAt = performance.now();
  for (let batches = 0; !isOver; batches++) {
    const batch = Array.from({ length: BATCH }, (_, index) => `${run}${batches}-${index}`);
    ids.push(...batch);
    const sending = send(batch)
      .catch(failed)
      .finally(() => open.delete(sending));
    open.add(sending);
    const dueAt = startedAt + ((batches + 1) * BATCH * 1_000) / perSecond;
    await delay(Math.max(0, dueAt - performance.now()));
  }
  await Promise.all(open);
}

async function watch() {
  while (!isOver) {
    await observability("GET", queuePath).catch(failed);
    await delay(250);
  }
}

async function drained() {
  let moved = { totals: "", at: Date.now() };
  for (;;) {
    const stats = await observability("GET", queuePath);
    if (stats.pending + stats.scheduled + stats.processing === 0) return stats;
    const totals = JSON.stringify(stats.totals);
    if (totals !== moved.totals) moved = { totals, at: Date.now() };
    if (Date.now() - moved.at > 60_000) throw new Error("nothing has moved for 60 s");
    await delay(200);
  }
}

// Makes the queue keep all tasks until they were looked up. A new queue can get this setting only after its first
// task, which creates it.
await send([`${run}first`]);
ids.push(`${run}first`);
const before = await observability("GET", queuePath);
const keep = Math.max(100_000, seconds * perSecond * 2);
await observability("PATCH", queuePath, { retentionCount: keep });

const endsAt = Date.now() + seconds * 1_000;
const loading = load();
const watching = watch();
let rounds = 0;
let restarts = 0;
try {
  do {
    for (const { label, restart } of await stack.processesOneByOne({ redis: options.redis })) {
      await restart();
      restarts++;
      console.log(
        `restarted ${label}; ${ids.length} tasks sent, ${requests.repeated} of ${requests.sent} requests repeated`,
      );
    }
    rounds++;
  } while (Date.now() < endsAt);
} finally {
  isOver = true;
  await Promise.all([loading, watching]);
}
const after = await drained();
const records = await readRecords(observability, queuePath, ids, run, forEach);
await observability("PATCH", queuePath, { retentionCount: before.settings.retentionCount });

const unfinished = ids.filter((id) => records.get(id)?.state !== "completed");
const result = {
  ...{ seconds, rounds, restarts, tasks: ids.length, requests: requests.sent },
  ...{ requestsRepeated: requests.repeated, requestsFailed: requests.failed },
  ...{ completed: ids.length - unfinished.length, lost: unfinished.length },
  crashed: after.totals.crashed - before.totals.crashed,
  stale: after.totals.stale - before.totals.stale,
};
if (unfinished.length > 0) {
  const shown = unfinished.slice(0, 10).map((id) => `${id}: ${records.get(id)?.state ?? "gone"}`);
  console.error(`rolling-restart: not completed: ${shown.join(", ")}`);
}
console.log(JSON.stringify(result));
process.exit(result.lost === 0 && result.requestsFailed === 0 ? 0 : 1);
