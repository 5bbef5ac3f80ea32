// Runs the fault matrix (`make chaos`, `make chaos ROW=name`) with real processes. Each row of the matrix is one
// fault. Prints a table with fault, expected result, seen result and verdict, and then one JSON line. The exit code
// is 0 only if every row that can run here holds.
//
//   node test/chaos/chaos.mjs [--row name] [--list] [--markdown] [--keep]
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { Context } from "./harness/context.mjs";
import { Runs } from "./harness/runs.mjs";
import { printMarkdown, printTable } from "./harness/table.mjs";

const ROW_TIMEOUT_MS = 90_000;
const { values: options } = parseArgs({
  options: {
    row: { type: "string", default: process.env.ROW ?? "" },
    list: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const folder = new URL("rows/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
const all = (await Promise.all(files.map((name) => import(new URL(name, folder))))).map(({ row }) => row);
all.sort((a, b) => a.order - b.order);
if (options.list) {
  for (const { name, fault } of all) console.log(`${name.padEnd(26)} ${fault}`);
  process.exit(0);
}
const wanted = options.row === "" ? all : all.filter(({ name }) => options.row.split(",").includes(name));
if (wanted.length === 0) {
  console.error(`chaos: there is no row "${options.row}"; --list shows them`);
  process.exit(2);
}
const runs = new Runs("holdfast-chaos-", { keep: options.keep });

async function runRow(row) {
  const result = await runs.run(row, { Context, timeoutMs: ROW_TIMEOUT_MS });
  return { row: row.name, fault: row.fault, expected: row.expected, ...result };
}

/** Rows that mostly wait run at the same time. Rows that measure times exactly run one after another. */
async function runAll(rows) {
  const results = new Map();
  const lane = async (part) => {
    for (const row of part) results.set(row, await runRow(row));
  };
  const waiting = rows.filter((row) => row.waits).map((row) => lane([row]));
  await Promise.all([...waiting, lane(rows.filter((row) => !row.waits))]);
  return rows.map((row) => results.get(row));
}

const startedAt = performance.now();
const results = await runAll(wanted);
if (options.markdown) printMarkdown(results);
else printTable("fault", results);
const count = (verdict) => results.filter((result) => result.verdict === verdict).length;
const failing = results.filter((result) => result.verdict === "FAILS").map((result) => result.row);
const kept = runs.end(failing.length > 0);
const summary = {
  chaos: true,
  rows: results.length,
  held: count("holds"),
  failed: count("FAILS"),
  skipped: count("skipped"),
  seconds: Math.round((performance.now() - startedAt) / 1000),
  ...(failing.length > 0 ? { failing, kept } : {}),
};
console.log(JSON.stringify(summary));
process.exit(failing.length === 0 ? 0 : 1);
