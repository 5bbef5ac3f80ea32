import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
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

const scratch = mkdtempSync(join(tmpdir(), "holdfast-scripts-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * Runs `make up` in a copy of the scripts, on a machine that has Node and the given programs, but neither root rights,
 * apt, brew nor Docker. `npx`, which would install the dependencies, only says so and fails.
 */
async function up(programs = {}) {
  const clone = mkdtempSync(join(scratch, "clone-"));
  cpSync(here, join(clone, "scripts"), { recursive: true });
  const path = join(clone, "bin");
  mkdirSync(path);
  const tools = ["bash", "cat", "chmod", "dirname", "env", "id", "mkdir", "node", "rm", "sed", "sh"];
  for (const tool of tools) {
    const real = execFileSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).trim();
    symlinkSync(real, join(path, tool));
  }
  for (const [name, lines] of Object.entries({ npx: "echo the next step; exit 1", ...programs }))
    writeFileSync(join(path, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const { port, close } = await listen(() => {});
  close();
  const env = { PATH: path, HOLDFAST_RUN: "metal", REDIS_PORT: String(port) };
  const { status, stdout, stderr } = spawnSync(join(clone, "scripts/stack"), ["up"], {
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("without Redis, root rights, apt and brew, make up says what to do before it installs anything", async () => {
  const { status, stdout, stderr } = await up();
  expect(status).toBe(1);
  expect(stdout).not.toContain("the next step");
  expect(stderr).toMatch(/^setup: redis-server is missing/);
  for (const remedy of ["REDIS_HOST=", "apt-get install redis-server", "redis-stable/src:$PATH", "Docker"])
    expect(stderr).toContain(remedy);
});

test.each(["redis-server", "valkey-server"])("make up goes on with a %s that is there", async (program) => {
  const { stdout, stderr } = await up({ [program]: "echo v=8.1.0" });
  expect(stdout).toContain("the next step");
  expect(stderr).not.toContain("redis-server is missing");
});

/** @param modules the arguments of `module` below, as JavaScript @returns the closing line */
function closingLine(...modules) {
  const program = `
    import { ClosingLine } from ${JSON.stringify(join(here, "closing-line.mjs"))};
    const module = (state, ...tests) => ({
      state: () => state,
      children: {
        allTests: () => tests.map(([state, counted]) => ({ result: () => ({ state }), meta: () => ({ counted }) })),
      },
    });
    new ClosingLine().onTestRunEnd([${modules.map((one) => `module(...${JSON.stringify(one)})`)}], []);
    console.log("the summary of another reporter");
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  return output.trim().split("\n").at(-1);
}

test("the closing line counts a file that does not load as failed", () => {
  const line = closingLine(["passed", ["passed"], ["skipped"]], ["failed", ["failed"]], ["failed"]);
  expect(line).toBe("1 passed, 2 failed, 1 skipped");
});

test("the closing line counts the tests of a suite in another language", () => {
  const good = ["passed", { passed: 30, failed: 0, skipped: 2 }];
  expect(closingLine(["passed", good, ["skipped"]])).toBe("30 passed, 0 failed, 3 skipped");
  expect(closingLine(["failed", ["failed", { passed: 3, failed: 2, skipped: 0 }]])).toBe(
    "3 passed, 2 failed, 0 skipped",
  );
  // All tests of the suite passed, but the suite itself ended with an error.
  expect(closingLine(["failed", ["failed", { passed: 3, failed: 0, skipped: 0 }]])).toBe(
    "3 passed, 1 failed, 0 skipped",
  );
});
