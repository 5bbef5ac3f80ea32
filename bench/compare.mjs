// Compares Holdfast with other queue libraries (its peers): `make compare`, `make compare QUICK=1`. See README.md.
//
//   node compare.mjs [--quick] [--only steady,cold] [--out folder]
//   node compare.mjs --table                  writes TARGETS.md from the last results of each workload
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { askedOf } from "./harness/asked.mjs";
import { startRedis } from "./harness/redis.mjs";
import { machine, markdown, reached, targetsPage, verdictTable } from "./harness/report.mjs";
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
  "idle",
  "keys",
  "limits",
  "batches",
  "flows",
  "http-workers",
];
/** These workloads run only if `--only` names them, because they are slow or need a running system. */
const ON_REQUEST = ["instructions", "demo"];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: process.env.QUICK === "1" },
    only: { type: "string" },
    out: { type: "string", default: import.meta.dirname },
    table: { type: "boolean", default: false },
  },
});
const { quick } = options;
const only = options.only?.split(",");
const all = [...NAMES, ...ON_REQUEST];
const unknown = only?.filter((name) => !all.includes(name)) ?? [];
if (unknown.length) {
  console.error(`compare: there is no workload ${unknown.join(", ")}; the workloads are ${all.join(", ")}`);
  process.exit(2);
}
// Each workload has one file, with the records of its last run.
const resultsFolder = join(options.out, "results");
await mkdir(resultsFolder, { recursive: true });

/** Writes one table of all targets, from the last results of each workload. */
async function writeTable() {
  const files = (await readdir(resultsFolder)).filter((name) => name.endsWith(".jsonl"));
  const texts = await Promise.all(files.map((name) => readFile(join(resultsFolder, name), "utf8")));
  const records = texts.flatMap((text) => text.trim().split("\n")).map((line) => JSON.parse(line));
  const page = join(options.out, "TARGETS.md");
  const rows = judgeAll(records, targets, PEERS);
  await writeFile(page, targetsPage(rows, records));
  console.log(`${verdictTable(rows, records)}\n\n${reached(rows)}\n\n${page}`);
}
if (options.table) {
  await writeTable();
  process.exit(0);
}
const workloads = await Promise.all((only ?? NAMES).map((name) => import(`./workloads/${name}.mjs`)));
const records = [];
const failures = [];
// No further round of a workload begins if it would end later than this after the start, seconds.
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

// The workloads whose results are close to their targets, and vary most between rounds on a shared machine.
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

/** Replaces the stored records of a workload by those of this run. */
async function keep(workload) {
  const own = records.filter((record) => record.workload === workload);
  const file = join(resultsFolder, `${workload.replaceAll(" ", "-")}.jsonl`);
  await writeFile(file, own.map((record) => `${JSON.stringify(record)}\n`).join(""));
}

async function runRound(workload, round) {
  const started = performance.now();
  const [redis, aofRedis] = servers.map(({ url, port }) => ({ url, port }));
  try {
    for (const server of servers) await server.client.flushall();
    const made = await workload.round({ redis, aofRedis, quick, round, runNode, asked });
    for (const record of made) records.push({ ...record, round, quick, at: facts.startedAt.toISOString() });
    await keep(workload.name);
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
  // Further rounds begin with the workloads that the targets use. In each round the workloads take turns, so that
  // other load on the machine affects all of them.
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
console.log(only ? resultsFolder : `${out}\n${resultsFolder}`);
for (const failure of failures) console.error(`failed: ${failure.split("\n")[0]}`);
process.exitCode = allHold(rows) && failures.length === 0 ? 0 : 1;
