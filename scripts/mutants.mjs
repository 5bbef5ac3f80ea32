// Tests the tests: puts each fault of mutants/list.mjs into a copy of the code, one at a time, and runs the tests
// that have to find it. Prints the test that failed. Exits with 0 only if the tests found every fault. ONLY=text runs
// only the faults with `text` in their name.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyChange, mutants } from "./mutants/list.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
// The tests mostly wait for Redis, so there is one test run more than there are cores.
const AT_ONCE = availableParallelism() + 1;
const LIMIT_MS = 120_000;
const CONFIG = `export default { test: {
  globalSetup: ["packages/holdfast/test/support/global-setup.ts"],
  testTimeout: 30_000, hookTimeout: 30_000, reporters: ["json"], outputFile: "report.json",
} };\n`;

/**
 * Copies the files that are changed, and their tests. The copy uses the dependencies that are installed in this
 * checkout.
 */
function copy() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-mutant-"));
  for (const part of [
    "lua",
    "scripts",
    "packages/holdfast/src",
    "packages/holdfast/test",
    "packages/holdfast/package.json",
    "packages/service/src",
    "packages/service/package.json",
    "services/observability/src",
    "services/observability/test",
    "services/observability/package.json",
    "package.json",
    "tsconfig.base.json",
  ]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  for (const part of [
    "node_modules",
    "packages/contracts",
    "packages/holdfast/node_modules",
    "packages/holdfast/dist",
    "packages/service/node_modules",
    "services/observability/node_modules",
  ]) {
    symlinkSync(join(root, part), join(folder, part));
  }
  writeFileSync(join(folder, "vitest.config.mjs"), CONFIG);
  mkdirSync(join(folder, "packages"), { recursive: true });
  return folder;
}

async function run(folder, args, limitMs = LIMIT_MS) {
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output = (output + chunk).slice(-4_000);
    });
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGTERM");
  }, limitMs);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, output, late };
}

/** Runs the test files in the folder. @returns the names of the tests that failed, and how many ran */
async function runTests(folder, files, limitMs = LIMIT_MS) {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  // The test runs already use all cores, so each run tests its files one after another.
  const args = ["node_modules/vitest/vitest.mjs", "run", "--no-file-parallelism", "--bail=1", ...files];
  const { output, late } = await run(folder, args, limitMs);
  if (late) throw new Error(`the tests took longer than ${limitMs} ms`);
  let json;
  try {
    json = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    throw new Error(`no report of the tests:\n${output}`);
  }
  const results = json.testResults.flatMap((file) => {
    if (file.assertionResults.length === 0 && file.status === "failed")
      throw new Error(`${file.name} could not be run: ${file.message}`);
    return file.assertionResults.map((test) => ({
      ...test,
      file: file.name.slice(file.name.lastIndexOf("/") + 1),
    }));
  });
  return {
    failed: results.filter(({ status }) => status === "failed"),
    passed: results.filter(({ status }) => status === "passed").length,
  };
}

async function build(folder) {
  const { code, output } = await run(folder, ["scripts/generate-bindings.mjs"]);
  if (code !== 0) throw new Error(`the scripts cannot be built:\n${output}`);
}

async function tryMutant(folder, mutant) {
  const originals = new Map();
  try {
    for (const change of mutant.changes) {
      const path = join(folder, change[0]);
      const text = readFileSync(path, "utf8");
      if (!originals.has(path)) originals.set(path, text);
      writeFileSync(path, applyChange(text, change));
    }
    await build(folder);
    const { failed } = await runTests(folder, mutant.tests);
    const [first] = failed;
    if (!first) return { verdict: "SURVIVED", by: mutant.tests.join(", ") };
    // If the changed script does not run at all, every test fails, which proves nothing.
    const message = first.failureMessages.join("\n");
    if (/ERR Error (compiling|running) script|Script attempted|user_script:\d+:/.test(message))
      return { verdict: "BROKEN", by: message.split("\n")[0] };
    return { verdict: "caught", by: `${first.file}: ${first.fullName}` };
  } catch (error) {
    return { verdict: "ERROR", by: error.message };
  } finally {
    for (const [path, text] of originals) writeFileSync(path, text);
  }
}

const chosen = mutants.filter(({ name }) => name.includes(process.env.ONLY ?? ""));
const started = performance.now();
const folders = Array.from({ length: AT_ONCE }, copy);
process.once("SIGINT", () => process.exit(130));
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// Without a fault, all tests have to pass. Otherwise a failure would prove nothing. Each folder runs a part of them.
await Promise.all(folders.map(build));
const every = [...new Set(chosen.flatMap(({ tests }) => tests))];
const parts = folders.map((folder, n) => ({ folder, files: every.filter((_, at) => at % AT_ONCE === n) }));
const sound = await Promise.all(
  parts
    .filter(({ files }) => files.length > 0)
    .map(({ folder, files }) => runTests(folder, files, files.length * LIMIT_MS)),
);
const failed = sound.flatMap((part) => part.failed);
const passed = sound.reduce((sum, part) => sum + part.passed, 0);
if (failed.length > 0 || passed === 0) {
  console.error("The tests fail without a mutant:");
  for (const { fullName, failureMessages } of failed) console.error(`  ${fullName}\n${failureMessages[0]}`);
  process.exit(1);
}
console.log(`without a mutant: ${passed} tests pass\n`);

const width = Math.max(...chosen.map(({ name }) => name.length));
let caught = 0;
const waiting = [...chosen];
await Promise.all(
  folders.map(async (folder) => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const { verdict, by } = await tryMutant(folder, mutant);
      if (verdict === "caught") caught += 1;
      console.log(`${mutant.name.padEnd(width)}  ${verdict.padEnd(8)}  ${by}`);
    }
  }),
);
const seconds = Math.round((performance.now() - started) / 1000);
console.log(`\n${caught} of ${chosen.length} mutants caught, ${seconds} s`);
process.exit(caught === chosen.length && chosen.length > 0 ? 0 : 1);
