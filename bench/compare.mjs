// Compares Holdfast with its peers: `make compare`, `make compare QUICK=1`. See README.md.
//
//   node compare.mjs [--quick] [--only steady,cold] [--out folder]
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { askedOf } from "./harness/asked.mjs";
import { startRedis } from "./harness/redis.mjs";
import { machine, markdown, reached, verdictTable } from "./harness/report.mjs";
import { endChildren, runNode } from "./harness/run-node.mjs";
import { cpuTicks, stolenShare } from "./harness/steal.mjs";
import { allHold, judgeAll } from "./harness/verdict.mjs";
import { PEERS, targets } from "./targets.mjs";

const NAMES = [
  "steady",
  "beside-raw",
  "singles",
  "cold",
  "failing",
  "mixed",
  "two-workers",
  "scheduled",
  "aof",
  "payloads",
  "growth",
  "latency",
  "http",
  "scale",
  "worker-memory",
  "keys",
  "limits",
  "batches",
  "flows",
  "http-workers",
];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: process.env.QUICK === "1" },
    only: { type: "string" },
    out: { type: "string", default: import.meta.dirname },
  },
});
const { quick } = options;
const only = options.only?.split(",");
const unknown = only?.filter((name) => !NAMES.includes(name)) ?? [];
if (unknown.length) {
  console.error(`compare: no workload ${unknown.join(", ")}; there are ${NAMES.join(", ")}`);
  process.exit(2);
}
const workloads = await Promise.all(
  NAMES.filter((name) => !only || only.includes(name)).map((name) => import(`./workloads/${name}.mjs`)),
);

await mkdir(options.out, { recursive: true });
const lines = join(options.out, "results.jsonl");
await writeFile(lines, "");
const records = [];
const failures = [];
// If a further round of a workload would end later than this, it is skipped.
const BUDGET_SECONDS = 900;
const lasted = new Map();
const facts = { quick, startedAt: new Date(), skipped: [], loads: { before: loadavg() } };
const ticksBefore = cpuTicks();
const servers = [];

async function stop() {
  endChildren();
  await Promise.all(servers.map((server) => server.stop()));
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => stop().finally(() => process.exit(130)));
}

// These results are close to their targets, and vary most between rounds on a shared machine.
const SWINGING = ["singles", "failing", "beside raw", "latency", "steady"];
const asked = askedOf(targets, PEERS);

/**
 * Returns the order of the workloads in a further round: first those whose results vary most, then the others, shortest
 * first.
 */
function againInOrder(workloads) {
  const rank = ({ name }) =>
    SWINGING.includes(name) ? SWINGING.indexOf(name) : SWINGING.length + (lasted.get(name) ?? 0);
  return workloads.toSorted((a, b) => rank(a) - rank(b));
}

async function runRound(workload, round) {
  const started = performance.now();
  const [redis, aofRedis] = servers.map(({ url, port }) => ({ url, port }));
  try {
    for (const server of servers) await server.client.flushall();
    const made = await workload.round({ redis, aofRedis, quick, round, runNode, asked });
    for (const record of made) {
      records.push({ ...record, round });
      await appendFile(lines, `${JSON.stringify({ ...record, round })}\n`);
    }
  } catch (error) {
    failures.push(`${workload.name}, round ${round + 1}: ${error.message}`);
    console.error(`compare: ${failures.at(-1)}`);
  }
  const seconds = (performance.now() - started) / 1_000;
  lasted.set(workload.name, seconds);
  console.log(`${workload.name}, round ${round + 1} of ${workload.rounds(quick)}: ${seconds.toFixed(1)} s`);
}

try {
  servers.push(await startRedis(), await startRedis({ aof: true }));
  for (const workload of workloads) await runRound(workload, 0);
  // Further rounds begin with the workloads that the targets use. In a round the workloads take turns, so that a
  // disturbance of the machine affects all of them.
  const read = new Set(targets.flatMap(({ figures }) => figures.map(({ workload }) => workload)));
  for (const isRead of [true, false]) {
    const again = workloads.filter(({ name }) => read.has(name) === isRead);
    const most = Math.max(0, ...again.map((workload) => workload.rounds(quick)));
    for (let round = 1; round < most; round++) {
      for (const workload of againInOrder(again.filter((workload) => round < workload.rounds(quick)))) {
        const endsAt = (Date.now() - facts.startedAt) / 1_000 + (lasted.get(workload.name) ?? 0);
        if (endsAt > BUDGET_SECONDS) facts.skipped.push(`${workload.name} ${round + 1}`);
        else await runRound(workload, round);
      }
    }
  }
} finally {
  await stop();
}
facts.seconds = (Date.now() - facts.startedAt) / 1_000;
facts.loads.after = loadavg();
facts.stolen = stolenShare(ticksBefore, cpuTicks());

const wanted = new Set(workloads.map(({ name }) => name));
const rows = judgeAll(
  records,
  targets.filter(({ figures }) => figures.some(({ workload }) => wanted.has(workload))),
  PEERS,
);
const notes = await readFile(join(import.meta.dirname, "notes.md"), "utf8").catch(() => "");
const out = join(options.out, "RESULTS.md");
// The report has all workloads, so it is written only if all were measured.
if (!only) await writeFile(out, markdown({ records, rows, facts, notes }));
console.log(`\n${machine(facts)}\n\n${verdictTable(rows)}\n\n${reached(rows)}\n`);
console.log(only ? lines : `${out}\n${lines}`);
for (const failure of failures) console.error(`failed: ${failure.split("\n")[0]}`);
process.exitCode = allHold(rows) && failures.length === 0 ? 0 : 1;
