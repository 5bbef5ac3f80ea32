import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { suites } from "./suites.mjs";

const root = join(import.meta.dirname, "../..");

/** Runs a command. @returns its exit code and everything that it wrote */
function run([command, ...args], cwd) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    child.once("error", (error) => resolve({ code: -1, output: String(error) }));
    child.once("close", (code) => resolve({ code, output }));
  });
}

for (const suite of suites) {
  const { name, tool, needs, folder, commands, count, fits = () => true, text = (output) => output } = suite;
  const found = spawnSync(tool[0], tool.slice(1), { encoding: "utf8" });
  const isThere = found.status === 0 && fits(found.stdout);
  if (!isThere)
    console.warn(`SKIPPED: the tests of the ${name} client (${folder}), because they need ${needs}`);

  test.concurrent.skipIf(!isThere)(
    `the tests of the ${name} client pass`,
    { timeout: 900_000 },
    async ({ task }) => {
      for (const command of commands) {
        const { code, output } = await run(command, join(root, folder));
        const isLast = command === commands.at(-1);
        const counted = isLast ? count(output) : undefined;
        // If the suite was counted, the closing line counts its tests instead of this one. If it did not build, no
        // test was counted, and this test fails.
        if (counted && counted.passed + counted.failed > 0) task.meta.counted = counted;
        const skipped = isLast && output.split("\n").find((line) => line.includes("SKIPPED:"));
        if (skipped) console.warn(skipped);
        expect(code, text(output)).toBe(0);
        if (isLast) expect(counted?.passed).toBeGreaterThan(0);
      }
    },
  );
}
