import { execFileSync, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeRedis, redisInfo } from "./redis-probe.mjs";

const here = import.meta.dirname;
const listen = (onConnection) =>
  new Promise((done) => {
    const server = createServer(onConnection).listen(0, "127.0.0.1", () =>
      done({ port: server.address().port, close: () => server.close() }),
    );
  });

test("the message about a busy port names its holder and the variable that sets the port", async () => {
  const { port, close } = await listen(() => {});
  const { status, stderr } = spawnSync(join(here, "ports"), [`OBSERVABILITY_PORT=${port}`], {
    encoding: "utf8",
  });
  close();
  expect(status).toBe(1);
  expect(stderr).toContain(`port ${port} is taken by`);
  expect(stderr).toMatch(/OBSERVABILITY_PORT=\d+ make up/);
});

test("the script prints nothing if all ports are free", async () => {
  const { port, close } = await listen(() => {});
  close();
  expect(spawnSync(join(here, "ports"), [`PORT=${port}`], { encoding: "utf8" })).toMatchObject({
    status: 0,
    stderr: "",
  });
});

test("an unused port has no Redis, and another server is an error", async () => {
  const { port, close } = await listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await expect(redisInfo({ host: "127.0.0.1", port })).rejects.toThrow("not as a Redis");
  close();
  expect(await redisInfo({ host: "127.0.0.1", port })).toBeNull();
});

test.each([
  [{ redis_version: "6.2.14", maxmemory_policy: "noeviction", aof_enabled: "1" }, /7\.0 or later/],
  [{ redis_version: "7.0.0", maxmemory_policy: "allkeys-lru", aof_enabled: "1" }, /noeviction/],
  [{ redis_version: "10.0.0", maxmemory_policy: "noeviction", aof_enabled: "1" }, null],
])("a Redis with %o is accepted or refused", (info, problem) => {
  const verdict = judgeRedis(info);
  if (problem === null) expect(verdict).toEqual({ problem: null });
  else expect(verdict.problem).toMatch(problem);
});

test("a Redis without an append-only file is used with a warning", () => {
  const verdict = judgeRedis({ redis_version: "7.2.0", maxmemory_policy: "noeviction", aof_enabled: "0" });
  expect(verdict).toMatchObject({ problem: null, warning: expect.stringContaining("append-only") });
});

test("the closing line counts a file that does not load as failed", () => {
  const program = `
    import { ClosingLine } from ${JSON.stringify(join(here, "closing-line.mjs"))};
    const module = (state, ...states) => ({
      state: () => state,
      children: { allTests: () => states.map((state) => ({ result: () => ({ state }) })) },
    });
    new ClosingLine().onTestRunEnd([module("passed", "passed", "skipped"), module("failed", "failed"), module("failed")], []);
    console.log("the summary of another reporter");
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect(output.trim().split("\n").at(-1)).toBe("1 passed, 2 failed, 1 skipped");
});
