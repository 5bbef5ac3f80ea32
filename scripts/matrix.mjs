// Runs a selection of the Redis tests with each version of Node, Redis and Valkey. At the end it prints a line for each
// version, and how many of them passed, failed and were skipped.
//
//   node scripts/matrix.mjs [--only TEXT] [--strict]     --strict: a version that cannot be installed counts as failed
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { getServer, versionOf } from "./matrix/servers.mjs";
import { FILES, NODES, SERVERS } from "./matrix/versions.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "holdfast", "matrix");
const LIMIT_MS = 1_800_000;
const { only, strict } = parseArgs({
  options: { only: { type: "string", default: "" }, strict: { type: "boolean", default: false } },
}).values;

/** Installs a version of Node from npm. @returns the path of its executable */
function getNode(major) {
  const folder = join(cache, `node-${major}`);
  const node = join(folder, "node_modules/node/bin/node");
  mkdirSync(folder, { recursive: true });
  execFileSync(
    "npm",
    ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, `node@${major}`],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  return node;
}

/** Runs the tests. Resolves with the last line of their output. If a test failed, prints the whole output. */
async function runTests(node, folder) {
  const path = [...(folder ? [folder] : []), dirname(node), process.env.PATH].join(delimiter);
  const args = ["node_modules/vitest/vitest.mjs", "run", "--project", "redis", ...FILES];
  const child = spawn(node, args, { cwd: root, env: { ...process.env, PATH: path, NO_COLOR: "1" } });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  const timer = setTimeout(() => child.kill(), LIMIT_MS);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
  const isGood = code === 0 && counts !== null && Number(counts[1]) > 0;
  if (!isGood) console.log(output);
  return { isGood, counts: counts?.[0] ?? `the tests ended with ${code}` };
}

/**
 * The tested versions, each with a function that installs it. Each version of Node is tested with the Redis of this
 * machine.
 */
const versions = [
  ...NODES.map((major) => ({
    name: `Node ${major}`,
    get: () => {
      const node = getNode(major);
      const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim().slice(1);
      if (!version.startsWith(`${major}.`)) throw new Error(`npm has version ${version}`);
      return { node, label: `Node ${version}, server ${versionOf("redis-server")}` };
    },
  })),
  ...SERVERS.map((server) => ({
    name: server.name,
    get: () => {
      const { folder, version } = getServer(server, cache);
      const label = `${server.name.split(" ")[0]} ${version}, Node ${process.versions.node}`;
      return { node: process.execPath, folder, label };
    },
  })),
].filter(({ name }) => name.includes(only));

const lines = [];
const numbers = { passed: 0, failed: 0, skipped: 0 };
for (const { name, get } of versions) {
  let got;
  try {
    got = get();
  } catch (error) {
    numbers.skipped++;
    lines.push(`SKIPPED  ${name}: it is not available here: ${error.message}`);
    console.log(lines.at(-1));
    continue;
  }
  console.log(`running  ${got.label}`);
  const begun = performance.now();
  const { isGood, counts } = await runTests(got.node, got.folder);
  numbers[isGood ? "passed" : "failed"]++;
  const seconds = Math.round((performance.now() - begun) / 1_000);
  lines.push(`${isGood ? "passed " : "FAILED "}  ${got.label}: ${counts} (${seconds} s)`);
  console.log(lines.at(-1));
}
if (lines.length === 0) console.error(`no version has a name with "${only}"`);
console.log(`\n${lines.join("\n")}`);
console.log(`${numbers.passed} passed, ${numbers.failed} failed, ${numbers.skipped} skipped`);
const isFailure = numbers.failed > 0 || lines.length === 0 || (strict && numbers.skipped > 0);
process.exitCode = isFailure ? 1 : 0;
