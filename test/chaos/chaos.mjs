// Runs the fault matrix (`make chaos`, `make chaos ROW=name`) with real processes and prints a table:
// fault, expected, seen, verdict; then one JSON line. Exit 0 only when every row that can run here holds.
//
//   node test/chaos/chaos.mjs [--row name] [--list] [--markdown] [--keep]
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Context } from "./harness/context.mjs";
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
const base = mkdtempSync(join(tmpdir(), "holdfast-chaos-"));
const running = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await Promise.allSettled([...running].map((context) => context.close()));
    rmSync(base, { recursive: true, force: true });
    process.exit(130);
  });
}

async function runRow(row) {
  const started = performance.now();
  const result = { row: row.name, fault: row.fault, expected: row.expected };
  const reason = await row.skip?.();
  if (reason) return { ...result, seen: `skipped: ${reason}`, verdict: "skipped", seconds: 0 };
  const context = new Context(join(base, row.name));
  running.add(context);
  const timeoutMs = row.timeoutMs ?? ROW_TIMEOUT_MS;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the row took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  let seen = "";
  try {
    seen = await Promise.race([row.run(context), late]);
  } catch (error) {
    context.failed.push(error.message);
  } finally {
    clearTimeout(timer);
    await context.close();
    running.delete(context);
  }
  const verdict = context.failed.length === 0 ? "holds" : "FAILS";
  if (verdict === "holds" && !options.keep) context.remove();
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  console.log(
    `${verdict.padEnd(7)} ${row.name} (${seconds} s): ${[seen, ...context.failed].filter(Boolean).join("; ")}`,
  );
  return {
    ...result,
    seen,
    verdict,
    seconds,
    ...(context.failed.length > 0 ? { failed: context.failed } : {}),
  };
}

/** Runs rows that mostly wait side by side, and rows with exact timing one after the other. */
async function runAll(rows) {
  const results = new Map();
  const lane = async (part) => {
    for (const row of part) results.set(row, await runRow(row));
  };
  await Promise.all([lane(rows.filter((row) => row.waits)), lane(rows.filter((row) => !row.waits))]);
  return rows.map((row) => results.get(row));
}

const startedAt = performance.now();
const results = await runAll(wanted);
if (options.markdown) printMarkdown(results);
else printTable(results);
const count = (verdict) => results.filter((result) => result.verdict === verdict).length;
const failing = results.filter((result) => result.verdict === "FAILS").map((result) => result.row);
const summary = {
  chaos: true,
  rows: results.length,
  held: count("holds"),
  failed: count("FAILS"),
  skipped: count("skipped"),
  seconds: Math.round((performance.now() - startedAt) / 1000),
  ...(failing.length > 0 ? { failing, kept: base } : {}),
};
if (failing.length === 0 && !options.keep) rmSync(base, { recursive: true, force: true });
console.log(JSON.stringify(summary));
process.exit(failing.length === 0 ? 0 : 1);
