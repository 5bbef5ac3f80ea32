import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Holdfast, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bin, cliFor } from "./support.ts";

const run = promisify(execFile);
const has = (shell: string) => spawnSync(shell, ["-c", "true"]).status === 0;
let redis: RedisServer;
let folder: string;
const { cli } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  folder = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  await mkdir(join(folder, "bin"));
  await symlink(bin, join(folder, "bin/holdfast"));
  const client = new Holdfast({ redis: redis.url });
  for (const name of ["emails", "errands", "orders"]) await new Queue(name, { client }).enqueue("ok", null);
  await client.close();
});

afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function shell(name: string, script: string, args: string[] = []): Promise<string[]> {
  const env = { PATH: `${join(folder, "bin")}:${process.env.PATH}`, REDIS_URL: redis.url, HOME: folder };
  const { stdout } = await run(name, [...args, "-c", script], { env, timeout: 20_000 });
  return stdout.trim().split("\n");
}

/** Returns the candidates that bash offers for these words. */
function inBash(...words: string[]): Promise<string[]> {
  const list = ["holdfast", ...words].map((word) => `'${word}'`).join(" ");
  return shell(
    "bash",
    `source <(holdfast completion bash); COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
}

test("bash completes commands, options, their values, and the queues in Redis", async () => {
  expect(await inBash("do")).toEqual(["doctor"]);
  expect(await inBash("dlq", "")).toEqual(["ls", "show", "replay", "discard"]);
  expect(await inBash("queue", "show", "e")).toEqual(["emails", "errands"]);
  expect(await inBash("-o", "json", "task", "ls", "")).toEqual(["emails", "errands", "orders"]);
  expect(await inBash("task", "ls", "emails", "--state", "p")).toEqual(["pending", "processing"]);
  expect(await inBash("enqueue", "emails", "ok", "--dur")).toEqual(["--durability"]);
  expect(await inBash("queue", "show", "emails", "")).toEqual([""]);
  expect(await inBash("limits", "share", "db", "orders", "e")).toEqual(["emails", "errands"]);
  expect(await inBash("limits", "fair", "emails", "")).toEqual(["starts", "time"]);
  expect(await inBash("limits", "set", "emails", "--when-full", "d")).toEqual(["drop-new"]);
});

test("if Redis does not answer, the command line stays as it is", async () => {
  const { code, stdout, stderr } = await cli(
    "__complete",
    "--",
    "--redis",
    "redis://127.0.0.1:1",
    "queue",
    "show",
    "",
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
});

test.skipIf(!has("zsh"))("zsh accepts the script", async () => {
  const words = await shell(
    "zsh",
    `autoload -U compinit; compinit -u; source <(holdfast completion zsh)
     _describe() { print -l -- "\${(@P)2}"; }
     words=(holdfast queue show e); CURRENT=4; _holdfast`,
    ["-f"],
  );
  expect(words).toEqual(["emails:", "errands:"]);
});

test.skipIf(!has("fish"))("fish accepts the script", async () => {
  const words = await shell("fish", `holdfast completion fish | source; complete -C 'holdfast queue show e'`);
  expect(words.map((line) => line.trim())).toEqual(["emails", "errands"]);
});

test("the completed words are the same for each shell, and an unknown shell is refused", async () => {
  for (const name of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await cli("completion", name);
    expect({ name, code, asks: stdout.includes("holdfast __complete -- ") }).toEqual({
      name,
      code: 0,
      asks: true,
    });
  }
  expect((await cli("completion", "csh")).code).toBe(2);
});
