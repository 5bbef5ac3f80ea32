import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

const FILE = "packages/holdfast/test/invariants/abort.redis.test.ts";
/**
 * Matches the titles of tests about keys and limits, and of tests that run each script on a queue with both. Test
 * titles are cut after 40 characters.
 */
const ABOUT = "key|rate|limit|on a queue with|every script is aborted here";
const LEAST = 100;

export const number = 12;
export const name = "aborted-anywhere";
export const check = "every script is aborted at each of its Redis calls";
export const expected =
  "in at least 100 scenarios, after the abort, a repeated call and a repair: the counts of running tasks equal the leases, and `ready` has every key that may run";
export const waits = true;
export const timeoutMs = 300_000;

export async function run(ctx) {
  const report = ctx.path("abort.json");
  const args = ["vitest", "run", FILE, "-t", ABOUT, "--reporter=json", `--outputFile=${report}`];
  await new Promise((resolve) => {
    const child = execFile("npx", args, { maxBuffer: 1 << 26 }, resolve);
    ctx.onClose(() => child.kill());
  });
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    testResults,
  } = JSON.parse(readFileSync(report, "utf8"));
  const bad = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === "failed");
  ctx.expect(
    failed === 0,
    `${failed} scenarios failed: ${bad?.fullName} ${bad?.failureMessages?.[0]?.slice(0, 200)}`,
  );
  ctx.expect(passed >= LEAST, `only ${passed} scenarios ran`);
  return `${passed} scenarios held, ${failed} failed`;
}
