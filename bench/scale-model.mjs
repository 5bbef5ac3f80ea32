// The capacity model, which computes what a load needs: `make scale-model RATE=50000 PAYLOAD=500 HANDLER_MS=20`,
// `make scale-model CHECK=1`. See docs/scaling.md.
//
//   RATE=50000 node scale-model.mjs            prints what this load needs
//   node scale-model.mjs --check [--quick]     measures the costs here, and compares predictions with real runs
//   --json prints JSON; --save writes the costs to scale-model/costs.json and the figures to docs/scaling.md
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { redisVersion, startCluster, startRedis } from "./harness/redis.mjs";
import { cpuTicks, stolenShare } from "./harness/steal.mjs";
import { runCases } from "./scale-model/check.mjs";
import { figureLines, readInput } from "./scale-model/input.mjs";
import { measureCosts } from "./scale-model/measure.mjs";
import { plan } from "./scale-model/model.mjs";
import { MARK, pageText } from "./scale-model/page.mjs";
import { checkText, planText } from "./scale-model/print.mjs";

const FILE = new URL("scale-model/costs.json", import.meta.url);
const PAGE = new URL("../docs/scaling.md", import.meta.url);
const { values: options } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
  },
});

function here() {
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model.trim() ?? "?"}, ${availableParallelism()} cores, ${gib} GiB`,
    node: process.versions.node,
    redis: redisVersion(),
  };
}

/** Writes costs.json, and the part of docs/scaling.md that is computed from these costs. */
function keep(costs) {
  writeFileSync(FILE, `${JSON.stringify(costs, null, 2)}\n`);
  const [head] = readFileSync(PAGE, "utf8").split(MARK);
  writeFileSync(PAGE, `${head}${MARK}\n${pageText(costs)}`);
}

async function check({ quick, json, save }) {
  const servers = [];
  const stop = () => Promise.all(servers.map((server) => server.stop()));
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => stop().finally(() => process.exit(130)));
  const say = json ? () => {} : console.log;
  const rounds = quick ? 1 : 3;
  const ticks = cpuTicks();
  try {
    const one = await startRedis();
    servers.push(one);
    const cluster = await startCluster();
    servers.push(...cluster);
    const onRound = (round) => say(`costs: round ${round} of ${rounds}`);
    const load = loadavg()[0];
    const costs = {
      measuredOn: { ...here(), rounds, load },
      ...(await measureCosts(one, { quick, rounds, onRound })),
    };
    const onCase = (name, round) => say(`${name}: round ${round} of ${rounds}`);
    const cases = await runCases(costs, { one, cluster }, { quick, rounds, onCase });
    costs.measuredOn.stolen = stolenShare(ticks, cpuTicks());
    costs.check = cases;
    if (save) keep(costs);
    if (json) console.log(JSON.stringify(costs));
    else console.log(`\n${checkText(cases)}\n\n${pageText(costs)}`);
  } finally {
    await stop();
  }
}

function printPlan({ json }) {
  const { input, problems } = readInput(process.env);
  if (problems.length > 0) {
    for (const problem of problems) console.error(`scale-model: ${problem}`);
    console.error(`\nThe variables:\n${figureLines().join("\n")}`);
    process.exit(2);
  }
  const costs = JSON.parse(readFileSync(FILE, "utf8"));
  const made = plan(costs, input);
  console.log(json ? JSON.stringify(made) : planText(made, costs.measuredOn));
}

if (options.check) await check(options);
else printPlan(options);
