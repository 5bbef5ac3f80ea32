import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

// Runs the commands that two READMEs tell a reader to type: that of the project and that of the CLI.
const root = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
let redis: RedisServer;
let folder: string;
const running: ServiceProcess[] = [];

beforeAll(async () => {
  redis = await startRedisServer(["--appendonly", "yes"]);
  folder = await mkdtemp(join(tmpdir(), "holdfast-readme-"));
  for (const name of ["worker", "janitor"]) {
    const env = { REDIS_URL: redis.url, METRICS_PORT: String(await freePort()) };
    running.push(startService(join(root, "services", name, "dist/main.js"), env));
  }
  await until(
    "a worker is registered",
    async () => (await type("holdfast worker ls")).includes("running"),
    20_000,
  );
});

afterAll(async () => {
  await Promise.all(running.map((service) => service.kill()));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

function blocksOf(page: string, begin: string): string[] {
  const text = readFileSync(join(root, page), "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf("<!-- /cli -->", from);
  if (from < 0 || to < 0) throw new Error(`${page} has no ${begin} … <!-- /cli -->`);
  const section = text.slice(from, to);
  return [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? "");
}

/**
 * Runs a block in bash. A function replaces the alias `holdfast` of the README. If a command fails, the test fails.
 */
async function type(block: string): Promise<string> {
  const prelude = `set -euo pipefail\nholdfast() { "${root}/node_modules/.bin/holdfast" "$@"; }\n`;
  const env = { PATH: process.env.PATH ?? "", REDIS_URL: redis.url };
  const { stdout } = await run("bash", ["-c", prelude + block], { cwd: folder, env, timeout: 20_000 });
  return stdout;
}

test("the commands in the README work", async () => {
  const [block = ""] = blocksOf("README.md", "<!-- cli: a test runs this block");
  const output = await type(block);
  expect(output).toMatch(/^state +completed$/m);
  expect(output).toMatch(/^default +running /m);
  expect(output).toMatch(/^reason +terminal$/m);
  expect(output).toMatch(/^ok +persistence [\s\S]*nothing wrong\n$/m);
});

test("the examples in the README of the command work, one after another", async () => {
  const seen: string[] = [];
  const page = "packages/cli/README.md";
  for (const block of blocksOf(page, "<!-- cli: tests run each block")) seen.push(await type(block));
  const [enqueued, looked, dead, flow, paused, doctor, ...rest] = seen;
  expect(rest).toEqual([]);
  expect(enqueued).toMatch(/^state +completed$/m);
  expect(enqueued).toContain('{"n":12345678901234567890}');
  expect(enqueued).toMatch(/^accepted +2$/m);
  expect(looked).toMatch(/^default +running /m);
  expect(looked).toMatch(/ demo\.echo +scheduled /);
  expect(looked).toMatch(/^reason +terminal$/m);
  expect(dead).toMatch(/^reason +retries_exhausted$/m);
  expect(dead).toContain("it died");
  expect(dead).toMatch(/^typed-2 +replayed$/m);
  expect(flow).toMatch(/^b +demo\.echo +waiting +a +1$/m);
  expect(flow).toContain("it waits for 1 of the 1 nodes before it in flow flow-1: a (scheduled)");
  expect(flow).toMatch(/^flow-1 +cancelled$/m);
  expect(paused).toMatch(/^default +paused\n[\s\S]*^default +0 +0$/m);
  expect(doctor).toMatch(/^ok +persistence [\s\S]*nothing wrong\n$/m);
});

test("the file of refused lines can be sent again", async () => {
  const [block = ""] = blocksOf("packages/cli/README.md", "<!-- cli: a test runs this block");
  const output = await type(block);
  expect(output).toMatch(/^accepted +1$/m);
  expect(output.trimEnd().split("\n").at(-1)).toMatch(/^\{.*"type":"n o"\}$/);
});
