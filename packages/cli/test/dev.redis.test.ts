import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "@holdfast/testing";
import { afterAll, expect, test } from "vitest";
import { type Running, start } from "./support.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-dev-"));
const started: Running[] = [];
afterAll(async () => {
  for (const { child } of started) child.kill("SIGTERM");
  await Promise.all(started.map(({ ended }) => ended));
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts `holdfast dev` with free ports and a folder of its own. */
async function dev(name: string, args: string[] = [], env: Record<string, string> = {}) {
  const [redis, dashboard, api] = [await freePort(), await freePort(), await freePort()];
  const ports = ["--port", String(dashboard), "--api-port", String(api)];
  const folder = join(scratch, name);
  const again = (more: Record<string, string> = {}) => {
    const running = start(["dev", "--data", folder, ...ports, ...args], {
      REDIS_PORT: String(redis),
      ...env,
      ...more,
    });
    started.push(running);
    return running;
  };
  return { folder, redis, dashboard, api, again, running: again() };
}

const ready = (running: Running) =>
  until(
    "holdfast dev is ready",
    async () => {
      if (running.child.exitCode !== null) throw new Error(JSON.stringify(await running.ended));
      return running.stdout().includes("Ctrl-C");
    },
    120_000,
  );

/**
 * If Redis listens, it closes the connection of a client that speaks HTTP. That error differs from the one of a port
 * where nothing listens.
 */
const isListening = (port: number) =>
  fetch(`http://127.0.0.1:${port}`).then(
    () => true,
    (error: { cause?: { code?: string } }) => error.cause?.code !== "ECONNREFUSED",
  );

async function enqueue(api: number, id: string, payload: unknown) {
  const answer = await fetch(`http://127.0.0.1:${api}/v1/queues/default/tasks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "demo.echo", id, payload }),
  });
  expect([answer.status, await answer.text()]).toMatchObject([201, expect.stringContaining(id)]);
}

async function stateOf(dashboard: number, id: string, key = ""): Promise<string> {
  const headers = key === "" ? {} : { authorization: `Bearer ${key}` };
  const answer = await fetch(`http://127.0.0.1:${dashboard}/v1/queues/default/tasks/${id}`, { headers });
  return ((await answer.json()) as { state: string }).state;
}

test("one command runs a whole system, Ctrl-C ends all of it, and the next start finds the tasks again", async () => {
  const { folder, redis, dashboard, api, running, again } = await dev("whole");
  await ready(running);
  expect(running.stdout()).toContain(`http://127.0.0.1:${dashboard} (no log-in is needed on this machine)`);
  await enqueue(api, "kept", 1);
  await until("the task has completed", async () => (await stateOf(dashboard, "kept")) === "completed");

  const keyed = ["key", "create", "--label", "me", "--scope", "admin", "--json"];
  const { key } = JSON.parse((await start(keyed, { REDIS_PORT: String(redis) }).ended).stdout);

  const second = await again().ended;
  expect(second).toMatchObject({ code: 4, stdout: "" });
  expect(second.stderr).toContain(`holdfast dev already runs in ${folder}`);
  expect(second.stderr).toContain(`dashboard http://127.0.0.1:${dashboard}`);

  running.child.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  for (const port of [redis, dashboard, api]) expect(await isListening(port)).toBe(false);

  const next = again();
  await ready(next);
  expect(next.stdout()).toContain("log in with an API key of this Redis");
  expect(await stateOf(dashboard, "kept", key)).toBe("completed");
  next.child.kill("SIGTERM");
  expect(await next.ended).toMatchObject({ code: 0 });
}, 300_000);

/** Makes a folder with programs that are shell scripts. */
function programs(name: string, scripts: Record<string, string>): string {
  const folder = mkdtempSync(join(scratch, `${name}-`));
  for (const [program, lines] of Object.entries(scripts)) {
    writeFileSync(join(folder, program), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(folder, program), 0o755);
  }
  return folder;
}

const redisServer = execFileSync("sh", ["-c", "command -v redis-server"], { encoding: "utf8" }).trim();

test("if the command is killed, its processes end too, and the next start finds the tasks again", async () => {
  const PATH = programs("valkey", { "valkey-server": `exec ${redisServer} "$@"` });
  const { redis, dashboard, api, running, again } = await dev("killed", ["--no-demo"], { PATH });
  await ready(running);
  expect(running.stdout()).toContain("none, because of --no-demo");
  expect(running.stdout()).toContain(`127.0.0.1:${redis} (valkey-server of this machine`);
  await enqueue(api, "waits", 1);
  running.child.kill("SIGKILL");
  const next = again();
  await ready(next);
  expect(await stateOf(dashboard, "waits")).toBe("pending");
  next.child.kill("SIGKILL");
  for (const port of [redis, dashboard, api])
    await until(`port ${port} is free`, async () => !(await isListening(port)), 60_000);
}, 300_000);

test("a container engine runs Redis if the PATH has no server; when Redis ends, the command says so and ends the rest", async () => {
  const data = join(scratch, "volume");
  mkdirSync(data);
  // A fake docker, which starts Redis without a container. Its argument 6 is the published port. The first 10
  // arguments end with the program name in the container, so they are dropped.
  const docker = `case $1 in
    run) port=\${6#127.0.0.1:}; port=\${port%:6379}; shift 10; exec ${redisServer} --port $port --dir ${data} "$@" ;;
  esac`;
  const PATH = programs("engine", { docker });
  const { redis, dashboard, api, running } = await dev("container", [], { PATH });
  await ready(running);
  expect(running.stdout()).toContain("redis:8.2-bookworm in docker, data in the volume holdfast-dev-");
  await enqueue(api, "contained", 1);
  await until("it has completed", async () => (await stateOf(dashboard, "contained")) === "completed");
  expect(readdirSync(data)).toEqual(["appendonlydir"]);
  connect(redis, "127.0.0.1").end("SHUTDOWN\r\n");
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("holdfast: docker ended: exit code 0\n");
  for (const port of [dashboard, api]) expect(await isListening(port)).toBe(false);
}, 300_000);

test.concurrent("without any Redis, one line says what to do", async () => {
  const { running, redis } = await dev("none", [], { PATH: programs("empty", {}) });
  const { code, stderr } = await running.ended;
  expect(code).toBe(5);
  expect(stderr).toMatch(
    /^holdfast: no Redis answers at .*redis-server.*valkey-server.*docker.*REDIS_URL\n$/,
  );
  expect(stderr).toContain(`127.0.0.1:${redis}`);
}, 120_000);

test.concurrent("a Redis that the user names is never replaced by another one", async () => {
  const port = await freePort();
  const { running } = await dev("named", ["--redis", `redis://127.0.0.1:${port}`]);
  const { code, stderr } = await running.ended;
  expect(code).toBe(5);
  expect(stderr).toContain(`127.0.0.1:${port}`);
}, 120_000);

test.concurrent("a port that is given and taken is a wrong usage", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { port: number };
  const { running } = await dev("taken", ["--port", String(port)]);
  const { code, stderr } = await running.ended;
  server.close();
  expect([code, stderr]).toEqual([2, `holdfast: port ${port} is taken: choose another one with --port\n`]);
}, 120_000);
