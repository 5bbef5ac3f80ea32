// Measures the cost of API keys when tasks are enqueued over HTTP (`make key-cost`). Compares two processes of
// producer-api: one with keys and one without.
//
//   node loadtest/key-cost.mjs [--rounds 15] [--seconds 2] [--connections 50]
//
// The processes share one Redis. They get the load in turn, in an order that changes from round to round. Each ratio
// compares values of the same round, so that other load on the machine affects both. The CPU time per request varies
// least.

import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { Holdfast } from "holdfast";
import { summary } from "../bench/harness/statistics.mjs";
import { freePort } from "../test/chaos/harness/ports.mjs";
import { startRedis } from "../test/chaos/harness/redis.mjs";
import { Service } from "../test/chaos/harness/service.mjs";
import { until } from "../test/chaos/harness/until.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    seconds: { type: "string", default: "2" },
    connections: { type: "string", default: "50" },
  },
});
const [rounds, seconds, connections] = [values.rounds, values.seconds, values.connections].map(Number);
const LIMIT = 1.05;
// The payload has 96 bytes of JSON.
const body = JSON.stringify({ type: "noop", payload: { data: "x".repeat(85) } });

const folder = mkdtempSync(join(tmpdir(), "holdfast-key-cost-"));
const redis = await startRedis({ folder, track: (child) => child });
const services = [];

async function startSide(prefix, key) {
  const port = await freePort();
  const env = { PORT: String(port), REDIS_URL: redis.url, QUEUE_PREFIX: prefix };
  const service = new Service("producer-api", port, env, { folder, label: prefix });
  services.push(service);
  const base = `http://127.0.0.1:${port}`;
  const side = {
    base,
    agent: new Agent({ keepAlive: true, maxSockets: connections }),
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(key ? { authorization: `Bearer ${key}` } : {}),
    },
  };
  await until(`${prefix} takes tasks`, async () => (await post(side).catch(() => 0)) === 201, 60_000);
  return side;
}

function post({ base, agent, headers }) {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${base}/v1/queues/default/tasks`,
      { method: "POST", agent, headers },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

async function cpuSeconds({ base }) {
  const text = await (await fetch(`${base}/metrics`)).text();
  return Number(/^\w*process_cpu_seconds_total(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1]);
}

async function load(side, forSeconds) {
  const before = await cpuSeconds(side);
  const startedAt = performance.now();
  const end = startedAt + forSeconds * 1_000;
  let requests = 0;
  const client = async () => {
    while (performance.now() < end) {
      if ((await post(side)) !== 201) throw new Error("a task was refused");
      requests++;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const perSecond = requests / ((performance.now() - startedAt) / 1_000);
  return { perSecond, cpuMicros: (((await cpuSeconds(side)) - before) * 1e6) / requests };
}

try {
  const client = new Holdfast({ redis: redis.url, prefix: "keyed" });
  const { key, text } = mintKey({ label: "key-cost", scopes: ["enqueue"], queues: ["default"] });
  await new KeyStore(client).add(key);
  await client.close();
  const keyed = await startSide("keyed", text);
  const open = await startSide("open");
  const refused = await post({ ...keyed, headers: { ...keyed.headers, authorization: "Bearer hf_wrong" } });
  if (refused !== 401) throw new Error(`a wrong key got ${refused}, not 401`);
  for (const side of [keyed, open]) await load(side, 1);
  const cpu = [];
  const rate = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? [keyed, open] : [open, keyed];
    const results = new Map();
    for (const side of order) results.set(side, await load(side, seconds));
    const [withKeys, without] = [results.get(keyed), results.get(open)];
    cpu.push(withKeys.cpuMicros / without.cpuMicros);
    rate.push(without.perSecond / withKeys.perSecond);
    console.log(
      `round ${round + 1}: with keys ${withKeys.perSecond.toFixed(0)}/s ${withKeys.cpuMicros.toFixed(1)} µs, without ${without.perSecond.toFixed(0)}/s ${without.cpuMicros.toFixed(1)} µs`,
    );
  }
  const tell = (name, { median, min, max }) =>
    console.log(
      `${name}: median ${median.toFixed(3)} (${min.toFixed(3)} to ${max.toFixed(3)}) of ${rounds} rounds`,
    );
  const [time, cost] = [summary(rate), summary(cpu)];
  tell("time per request, with keys / without", time);
  tell("CPU per request, with keys / without", cost);
  const holds = time.median <= LIMIT;
  console.log(holds ? "at most 5%: holds" : "at most 5%: MISSED");
  process.exitCode = holds ? 0 : 1;
} finally {
  await Promise.all(services.map((service) => service.kill()));
  await redis.kill();
  rmSync(folder, { recursive: true, force: true });
}
