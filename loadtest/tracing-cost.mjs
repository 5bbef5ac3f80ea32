// Measures the cost of tracing: off, on but not sampled, and on with every span sampled.
//
//   node loadtest/tracing-cost.mjs [--rounds 15] [--tasks 20000] [--baseline DIR]
//
// All variants run in one process with one Redis, in an order that rotates. The script divides the CPU time per task of
// each variant by that of the first variant in the same round, and prints the median of these ratios. It compares CPU
// time, because other load on the machine changes it less than elapsed time. --baseline names another built checkout,
// for example from before a change.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    tasks: { type: "string", default: "20000" },
    baseline: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const tasks = Number(values.tasks);
const root = resolve(import.meta.dirname, "..");
const libraryOf = (folder) =>
  import(pathToFileURL(join(resolve(folder), "packages/holdfast/dist/index.js")).href);
const need = createRequire(join(root, "packages/service/package.json"));
const sdk = need("@opentelemetry/sdk-trace-node");
const { context } = need("@opentelemetry/api");
const { openTelemetry } = await import(join(root, "packages/holdfast/dist/opentelemetry/index.js"));

function tracingWith(sampler) {
  // The exporter drops all spans, because sending them is not the library's work.
  const exporter = { export: (_spans, done) => done({ code: 0 }), shutdown: async () => {} };
  const provider = new sdk.NodeTracerProvider({
    sampler,
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { maxQueueSize: 50_000 })],
  });
  return openTelemetry({ tracerProvider: provider });
}
context.setGlobalContextManager(
  new (createRequire(need.resolve("@opentelemetry/sdk-trace-node"))(
    "@opentelemetry/context-async-hooks",
  ).AsyncLocalStorageContextManager)().enable(),
);

const current = await libraryOf(root);
const variants = [
  ...(values.baseline ? [{ name: "baseline", library: await libraryOf(values.baseline) }] : []),
  { name: "off", library: current },
  { name: "on, not sampled", library: current, tracing: tracingWith(new sdk.AlwaysOffSampler()) },
  { name: "on, all sampled", library: current, tracing: tracingWith(new sdk.AlwaysOnSampler()) },
];

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
server.close();
const folder = mkdtempSync(join(tmpdir(), "holdfast-tracing-"));
const redis = spawn(
  "redis-server",
  ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
  { stdio: "ignore" },
);
const url = `redis://127.0.0.1:${port}`;
const probe = new current.Holdfast({ redis: url });
await probe.check(20_000);

const cpuMicros = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Returns the CPU time per task, µs: for single enqueues, for batches, and from acquire to ack. */
async function measure({ library, tracing }, prefix) {
  const more = tracing ? { tracing } : {};
  const queue = new library.Queue("cost", { redis: url, prefix, ...more });
  const payload = { to: "a@example.com", text: "x".repeat(60) };
  await queue.enqueue("warm", payload);
  const result = {};
  const timed = async (name, run) => {
    globalThis.gc?.();
    const before = cpuMicros();
    await run();
    result[name] = (cpuMicros() - before) / tasks;
  };
  await timed("single", async () => {
    const open = [];
    for (let i = 0; i < tasks; i++) open.push(queue.enqueue("noop", payload));
    await Promise.all(open);
  });
  const many = Array.from({ length: 500 }, () => ({ type: "noop", payload }));
  await timed("batch", async () => {
    for (let at = 0; at < tasks; at += many.length) await queue.enqueueMany(many);
  });
  let done = 0;
  const goal = tasks * 2 + 1;
  const bytes = await probe.connection.command("MEMORY", "USAGE", `${prefix}:{cost}:tasks`, "SAMPLES", "0");
  result.bytes = Number(bytes) / goal;
  const count = () => void done++;
  const worker = new library.Worker(
    "cost",
    { noop: count, warm: count },
    { redis: url, prefix, concurrency: 50, ...more },
  );
  await timed("process", async () => {
    await worker.start();
    while (done < goal) await new Promise((next) => setTimeout(next, 5));
  });
  result.process /= 2;
  await worker.stop();
  await queue.close();
  await probe.connection.command("FLUSHALL");
  return result;
}

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
};
const seen = new Map(variants.map(({ name }) => [name, []]));
for (let round = -1; round < rounds; round++) {
  for (let i = 0; i < variants.length; i++) {
    const variant = variants[(i + round + 1) % variants.length];
    const result = await measure(variant, `r${round + 1}${i}`);
    // Round -1 is only the warm-up.
    if (round >= 0) seen.get(variant.name).push(result);
  }
}
redis.kill();
await once(redis, "exit");
rmSync(folder, { recursive: true, force: true });

const [first] = variants;
const base = seen.get(first.name);
const columns = ["single", "batch", "process", "bytes"];
console.log(
  `CPU µs per task and bytes of its envelope in Redis; in brackets the median ratio to "${first.name}" of ${rounds} rounds`,
);
console.log(`| | ${columns.join(" | ")} |`);
console.log(`|---|${columns.map(() => "---").join("|")}|`);
for (const { name } of variants) {
  const cells = columns.map((column) => {
    const own = seen.get(name);
    const value = median(own.map((result) => result[column]));
    const ratio = median(own.map((result, i) => result[column] / base[i][column]));
    return `${value.toFixed(column === "bytes" ? 0 : 2)} (${ratio.toFixed(3)})`;
  });
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
process.exit(0);
