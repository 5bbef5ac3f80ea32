import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "@holdfast/testing";
import { afterEach, expect, test } from "vitest";
import { openSecrets } from "../src/secrets.ts";

let folder = "";
let server: ChildProcess | undefined;
afterEach(() => {
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("Redis reads its whole append-only file after a restart while the default user is off", async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-restart-"));
  const port = await freePort();
  const options = { folder: join(folder, "secrets"), prefix: "queue", redisVersion: "7.0", redisPort: port };
  await openSecrets({ ...options, tls: false, groups: false }).create();
  const password = readFileSync(join(options.folder, "own/redis-admin"), "utf8").trim();
  const redis = (input: string, auth = ["--user", "admin", "--pass", password]) =>
    execFileSync("redis-cli", ["-p", String(port), "--no-auth-warning", ...auth], {
      input,
      encoding: "utf8",
    });
  const start = async () => {
    const access = ["--include", join(options.folder, "redis/access.conf"), "--dir", folder];
    server = spawn("redis-server", [...access, "--appendonly", "yes", "--save", ""], { stdio: "ignore" });
    const answers = async () => {
      try {
        return redis("PING\n").trim() === "PONG";
      } catch {
        return false;
      }
    };
    await until("Redis answers", answers, 20_000);
  };
  await start();
  expect(redis("PING\n", [])).toContain("NOAUTH");
  expect(redis("AUTH default x\n", [])).toContain("WRONGPASS");
  // Redis writes the commands of a script to its append-only file as a transaction, just like this one.
  redis("MULTI\nSET one 1\nSET two 2\nEXEC\n");
  const stopped = new Promise((done) => server?.once("exit", done));
  server?.kill("SIGTERM");
  await stopped;
  await start();
  expect(redis("MGET one two\n").trim().split("\n")).toEqual(["1", "2"]);
}, 60_000);
