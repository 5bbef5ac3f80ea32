// Runs the conformance cases with each client, against real services (`make conformance`). Prints a line of JSON for
// each client and case, and a last one that counts. The exit code is 0 only if every case passed.
//
//   node conformance/conformance.mjs [--only node,python,go]
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Context } from "../test/chaos/harness/context.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string", default: process.env.ONLY || "node,python,go" } },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const cases = join(root, "conformance/cases.ndjson");
const python = join(root, ".holdfast/python/bin/python");

/** How to run the cases with each client, and what it needs. */
const CLIENTS = {
  node: { command: [process.execPath, "conformance/node.mjs", cases], folder: "." },
  python: {
    command: [python, "-m", "conformance", cases],
    folder: "clients/python",
    missing: existsSync(python) ? undefined : "scripts/setup python has not made its environment",
  },
  go: {
    command: ["go", "run", "./conformance", cases],
    folder: "clients/go",
    missing: existsSync(join(root, "clients/go/conformance"))
      ? undefined
      : "there is no clients/go/conformance",
  },
};

/** Runs a client. @returns how many cases passed; null if the program of its language is not installed */
async function run(name, { command: [program, ...args], folder }, env) {
  const child = spawn(program, args, { cwd: join(root, folder), env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", resolve);
  });
  let passed = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (JSON.parse(line).ok) passed++;
  }
  const code = await ended;
  if (code === null) console.log(`SKIPPED ${name}: ${program} is not installed`);
  return code === null ? null : passed;
}

const lines = readFileSync(cases, "utf8").trim().split("\n").length;
const context = new Context(mkdtempSync(join(tmpdir(), "holdfast-conformance-")));
let clients = 0;
let passed = 0;
try {
  const redis = await context.startRedis();
  const prefix = { REDIS_URL: redis.url, QUEUE_PREFIX: "conformance" };
  const [producer, workers, janitor] = await Promise.all([
    context.service("producer-api", prefix),
    context.service("worker-api", prefix),
    context.service("janitor", { ...prefix, SWEEP_INTERVAL_MS: "50" }),
  ]);
  await Promise.all([producer, workers, janitor].map((service) => service.turns(200, 30_000)));
  const env = {
    ...process.env,
    ...prefix,
    HOLDFAST_URL: producer.url,
    HOLDFAST_WORKER_URL: workers.url,
    HOLDFAST_API_KEY: "",
  };
  // Each client has queues of its own, so they run at the same time.
  const counts = await Promise.all(
    options.only.split(",").map((name) => {
      const client = CLIENTS[name];
      if (!client)
        throw new Error(`there is no client "${name}"; there are ${Object.keys(CLIENTS).join(", ")}`);
      if (client.missing) console.log(`SKIPPED ${name}: ${client.missing}`);
      return client.missing ? null : run(name, client, { ...env, QUEUE_PREFIX_CASES: name });
    }),
  );
  const ran = counts.filter((count) => count !== null);
  clients = ran.length;
  passed = ran.reduce((sum, count) => sum + count, 0);
} finally {
  await context.close();
  context.remove();
}
console.log(JSON.stringify({ clients, cases: lines, passed }));
process.exit(clients > 0 && passed === clients * lines ? 0 : 1);
