import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePort, startRedisServer } from "@holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { PARTS } from "../../scripts/task-path.mjs";

const root = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);

test("ARCHITECTURE.md lists the files whose code runs between the POST of a task and its handler", async () => {
  const fixture = join(import.meta.dirname, "fixtures/task-path.mjs");
  const redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  const args = [fixture, redis.url, String(await freePort())];
  const { stdout } = await run(process.execPath, args, { timeout: 50_000 });
  const ran = JSON.parse(stdout).map((path) => {
    const isBinding = path.includes("/redis/generated/");
    return isBinding ? /^\/\/ Made from (\S+\.lua) /.exec(readFileSync(join(root, path), "utf8"))?.[1] : path;
  });
  const listed = PARTS.flatMap(([, steps]) => steps.map(([path]) => path));
  expect(listed.toSorted()).toEqual(ran.toSorted());
});
