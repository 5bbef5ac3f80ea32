// Runs the acceptance checks of flow control (`make flow-control`, `make flow-control CHECK=3,8`) with real
// processes. Prints a table with check, expected result, seen result and verdict, and then one JSON line. The exit
// code is 0 only if every check holds.
//
//   node test/flow-control/flow-control.mjs [--set unique|batch|flows|steps|http] [--check 3,8] [--list] [--keep]
//
// --set runs other checks instead: those of unique tasks (`make unique-checks`), of batches (`make batch-checks`), of
// flows (`make flow-checks`), of durable steps (`make step-checks`) or of workers over HTTP (`make http-checks`).
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { Runs } from "../chaos/harness/runs.mjs";
import { printTable } from "../chaos/harness/table.mjs";
import { FlowContext } from "./harness/context.mjs";

const CHECK_TIMEOUT_MS = 120_000;
/** How many of the checks that mostly wait run at the same time. */
const BESIDE = 2;
const { values: options } = parseArgs({
  options: {
    set: { type: "string", default: "" },
    check: { type: "string", default: process.env.CHECK ?? "" },
    list: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const folder = new URL(options.set === "" ? "checks/" : `checks-${options.set}/`, import.meta.url);
const files = readdirSync(folder).sort();
const all = await Promise.all(files.map((file) => import(new URL(file, folder))));
if (options.list) {
  for (const { number, check } of all) console.log(`${String(number).padStart(2)}  ${check}`);
  process.exit(0);
}
const numbers = options.check === "" ? all.map(({ number }) => number) : options.check.split(",").map(Number);
const wanted = all.filter(({ number }) => numbers.includes(number));
if (wanted.length < new Set(numbers).size) {
  console.error(`flow-control: there is no such check in "${options.check}"; --list shows them`);
  process.exit(2);
}

const runs = new Runs("holdfast-flow-", { keep: options.keep });
const results = new Map();
async function runCheck(module) {
  const { number, name, check, expected, run, skip, timeoutMs } = module;
  const row = { name: `${number}-${name}`, run, skip, timeoutMs };
  const result = await runs.run(row, { Context: FlowContext, timeoutMs: CHECK_TIMEOUT_MS });
  results.set(module, { check: `${number}. ${check}`, expected, ...result });
}

// Checks that measure time or instructions run alone, after all others.
const beside = wanted.filter((module) => module.waits);
const lane = async () => {
  for (let next = beside.shift(); next; next = beside.shift()) await runCheck(next);
};
await Promise.all(Array.from({ length: BESIDE }, lane));
for (const module of wanted) if (!module.waits) await runCheck(module);

printTable(
  "check",
  wanted.map((module) => results.get(module)),
);
const held = [...results.values()].filter(({ verdict }) => verdict === "holds").length;
const kept = runs.end(held < results.size);
if (kept !== null) console.log(`flow-control: the output of the processes is in ${kept}`);
const figures = Object.assign({}, ...[...results.values()].map((result) => result.figures));
console.log(JSON.stringify({ checks: results.size, held, figures }));
process.exit(held === results.size ? 0 : 1);
