// Enqueues tasks at a rate, with the library or over HTTP, until it is stopped or has sent `count` tasks. After an
// unknown outcome or a temporary refusal, it repeats the enqueue with the same id, as a careful caller does. The
// tasks get the `keys` in turn. With `pulse`, it sends that many tasks at once, at the same average rate.
import { setTimeout as sleep } from "node:timers/promises";
import { Holdfast, Queue } from "holdfast";
import { options, tell, tellTimeBy } from "./tell.mjs";

const {
  queue: name,
  redis,
  prefix,
  http,
  name: self,
  type = "sleep",
  payload = { ms: 2 },
  options: taskOptions = {},
  keys,
  ratePerSecond = 200,
  pulse = 1,
  count = Number.POSITIVE_INFINITY,
  delayedShare = 0,
  delayMs = 500,
  tries = 100,
  pauseMs = 50,
  maxInFlight = 500,
} = options;
const client = new Holdfast({ redis, prefix });
const queue = new Queue(name, { client });
tellTimeBy(client);
const UNKNOWN = new Set(["outcome_unknown"]);
let stopping = false;
let inFlight = 0;
let sent = 0;
process.on("SIGTERM", () => {
  stopping = true;
});

async function overHttp(id, body) {
  const started = AbortSignal.timeout(15_000);
  const response = await fetch(`${http}/v1/queues/${name}/tasks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id, ifEnded: "duplicate", ...body }),
    signal: started,
  }).catch((error) => {
    throw Object.assign(error, { code: "outcome_unknown" });
  });
  if (response.ok) return { durability: "memory" };
  const problem = await response.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail), { code: problem.code, status: response.status });
}

async function enqueue(id, runAt, key) {
  const more = {
    ...taskOptions,
    ...(runAt === undefined ? {} : { runAt }),
    ...(key === undefined ? {} : { key }),
  };
  for (let attempt = 1; attempt <= tries; attempt++) {
    const event = { id, attempt, ...(runAt === undefined ? {} : { runAt }) };
    tell("enqueue", "invoke", event);
    const started = performance.now();
    const tookMs = () => Math.round(performance.now() - started);
    try {
      const receipt = http
        ? await overHttp(id, { type, payload, ...more })
        : await queue.enqueue(type, payload, { ...more, id, ifEnded: "duplicate" });
      tell("enqueue", "ok", { ...event, tookMs: tookMs(), durability: receipt.durability });
      return;
    } catch (error) {
      const phase = UNKNOWN.has(error.code) ? "info" : "fail";
      tell("enqueue", phase, { ...event, tookMs: tookMs(), code: error.code, status: error.status });
    }
    if (stopping && attempt >= 3) return;
    await sleep(pauseMs);
  }
}

for (;;) {
  try {
    await client.check();
    break;
  } catch {
    await sleep(100);
  }
}
tell("process", "invoke", { what: "ready" });
const started = performance.now();
while (!stopping && sent < count) {
  const pulses = Math.floor((((performance.now() - started) / 1000) * ratePerSecond) / pulse);
  const due = Math.min(count, pulses * pulse);
  while (sent < due && inFlight < maxInFlight && !stopping) {
    const key = keys?.[sent % keys.length];
    const id = `${self}-${sent++}`;
    const runAt = Math.random() < delayedShare ? client.connection.now() + delayMs : undefined;
    inFlight++;
    void enqueue(id, runAt, key).finally(() => inFlight--);
  }
  await sleep(5);
}
while (inFlight > 0) await sleep(10);
tell("process", "ok", { what: "stopped", sent });
await queue.close();
await client.close();
process.exit(0);
