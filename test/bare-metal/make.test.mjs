import { execFile, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, waitReady } from "../../scripts/pm2.mjs";

const scratch = mkdtempSync(join(tmpdir(), "hf-make-"));
/** The path of this folder is too long for a socket, so PM2 has to put its sockets elsewhere. */
const first = join(
  scratch,
  "customers/acme-international-logistics-gmbh/platform-services/checkouts/holdfast",
);
const second = join(scratch, "second");

/**
 * Copies the tracked, installed and built files of this checkout to a folder, so that `make up` there installs and
 * builds nothing.
 */
function checkOut(folder) {
  const files = spawnSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).stdout.split("\0");
  const wanted =
    /^(scripts|services|packages|infra\/redis|handlers|Makefile|ecosystem\.config\.cjs|package\.json)/;
  for (const file of files.filter((name) => wanted.test(name) && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  const made = [
    "node_modules",
    "packages/*/node_modules",
    "packages/*/dist",
    "services/*/node_modules",
    "services/*/dist",
  ];
  for (const line of spawnSync("bash", ["-c", `ls -d ${made.join(" ")}`], {
    cwd: root,
    encoding: "utf8",
  }).stdout.split("\n"))
    if (line !== "" && existsSync(dirname(join(folder, line))))
      symlinkSync(join(root, line), join(folder, line));
  writeFileSync(join(folder, "scripts/setup"), "#!/bin/sh\n");
  chmodSync(join(folder, "scripts/setup"), 0o755);
}

const clean = { PATH: process.env.PATH, HOME: process.env.HOME };
/** Runs `make` with `args` in a folder. The process inherits only PATH and HOME from the environment of the test. */
async function make(folder, args, settings = {}) {
  const started = promisify(execFile)("make", ["-s", ...args], {
    cwd: folder,
    env: { ...clean, ...settings },
    timeout: 240_000,
  });
  const { code = 0, stdout, stderr } = await started.catch((error) => error);
  return { code, output: `${stdout}${stderr}` };
}

const kept = (folder) => readFileSync(join(folder, ".holdfast/env"), "utf8");
async function processes(folder) {
  const { openPm2 } = await import(pathToFileURL(join(folder, "scripts/pm2.mjs")).href);
  return openPm2().processes();
}
const online = async (folder, name) =>
  (await processes(folder)).filter((one) => one.name === `holdfast-${name}` && one.status === "online");

let ports;
beforeAll(async () => {
  for (const folder of [first, second]) checkOut(folder);
  const names = [
    "PORT",
    "OBSERVABILITY_PORT",
    "WORKER_API_PORT",
    "REDIS_PORT",
    "PORT_2",
    "OBSERVABILITY_PORT_2",
    "WORKER_API_PORT_2",
    "REDIS_PORT_2",
    "MOVED",
  ];
  ports = {};
  for (const name of names) ports[name] = String(await freePort());
});

afterAll(async () => {
  for (const folder of [first, second]) await make(folder, ["reset"]);
  rmSync(scratch, { recursive: true, force: true });
}, 120_000);

test("make up works in a folder with a long path, with a .env that has quotes, comments and CRLF", {
  timeout: 300_000,
}, async () => {
  writeFileSync(
    join(first, ".env"),
    [
      "\ufeffHOLDFAST_RUN='metal'",
      `PORT="${ports.PORT}" # the api`,
      `export OBSERVABILITY_PORT=${ports.OBSERVABILITY_PORT}    # the dashboard`,
      `WORKER_API_PORT=${ports.WORKER_API_PORT}`,
      `REDIS_PORT=\${MINE:-${ports.REDIS_PORT}}`,
      "HOLDFAST_WORKERS=1",
      "HOLDFAST_JANITORS=1",
      "",
    ].join("\r\n"),
  );
  const { code, output } = await make(first, ["up"]);
  expect(output).toContain(`producer-api  http://localhost:${ports.PORT}/docs`);
  expect(output).toContain(`worker-api    http://localhost:${ports.WORKER_API_PORT}/docs`);
  expect(code).toBe(0);
  expect(await online(first, "worker")).toHaveLength(1);
  const answer = await fetch(`http://127.0.0.1:${ports.OBSERVABILITY_PORT}/readyz`);
  expect(await answer.json()).toMatchObject({ ok: true });
});

test("only the owner can read what make up writes: data, secrets, logs and their folder", async () => {
  const home = join(first, ".holdfast");
  const paths = [home, ...readdirSync(home, { recursive: true }).map((name) => join(home, name))];
  const open = paths.filter((path) => {
    const stat = lstatSync(path);
    // Sockets are not checked, because PM2 keeps them in a separate folder.
    return (stat.isFile() || stat.isDirectory()) && (stat.mode & 0o077) !== 0;
  });
  // These files of scripts/stack contain no secrets, and only the owner can enter their folder.
  const harmless = ["way", "env", "given"].map((name) => join(home, name));
  expect(open.filter((path) => !harmless.includes(path))).toEqual([]);
  expect(paths.some((path) => path.includes("appendonly"))).toBe(true);
  expect(paths.some((path) => path.endsWith(".log"))).toBe(true);
});

test("make scale stops all workers, and later starts three again", { timeout: 120_000 }, async () => {
  expect(await make(first, ["scale", "N=0"])).toMatchObject({ code: 0 });
  expect(await online(first, "worker")).toEqual([]);
  const { code, output } = await make(first, ["scale", "N=3"]);
  expect(output).toContain("workers: 3");
  expect(code).toBe(0);
  const workers = await online(first, "worker");
  expect(workers).toHaveLength(3);
  expect(workers[0].env.REDIS_PORT).toBe(ports.REDIS_PORT);
  expect(kept(first)).toContain("HOLDFAST_WORKERS=3\n");
  expect((await make(first, ["scale", "N=201"])).output).toContain("at most 200 workers");
});

test("make up refuses a port that another process uses, and changes nothing", {
  timeout: 120_000,
}, async () => {
  const other = createServer((_request, response) => response.end("ok"));
  await new Promise((done) => other.listen(0, "127.0.0.1", done));
  const taken = String(other.address().port);
  const before = kept(first);
  const refused = await make(first, ["up"], { PORT: taken });
  expect(refused.code).not.toBe(0);
  expect(refused.output).toContain(`port ${taken} is taken by`);
  expect(kept(first)).toBe(before);
  other.close();
  const wrong = await make(first, ["up"], { METRICS_PORT: "9464x" });
  expect(wrong.output).toContain('METRICS_PORT="9464x" is not a port');
  expect(kept(first)).toBe(before);
  // `make scale` needs a running system.
  await make(second, ["up"], { HOLDFAST_RUN: "metal", PORT: ports.PORT });
  const scaled = await make(second, ["scale", "N=2"]);
  expect(scaled).toMatchObject({ code: expect.any(Number), output: expect.stringContaining("nothing runs") });
  expect(scaled.code).not.toBe(0);
});

test("a second clone on the same machine gets other metrics ports", { timeout: 300_000 }, async () => {
  const { code, output } = await make(second, ["up"], {
    ...{ HOLDFAST_RUN: "metal", HOLDFAST_WORKERS: "1", HOLDFAST_JANITORS: "1" },
    ...{ PORT: ports.PORT_2, OBSERVABILITY_PORT: ports.OBSERVABILITY_PORT_2, REDIS_PORT: ports.REDIS_PORT_2 },
    WORKER_API_PORT: ports.WORKER_API_PORT_2,
  });
  expect(output).toContain("up (metal)");
  expect(code).toBe(0);
  const metrics = [first, second].map((folder) => /^METRICS_PORT=(\d+)$/m.exec(kept(folder))?.[1]);
  expect(Number(metrics[1])).toBeGreaterThanOrEqual(Number(metrics[0]) + 400);
  for (const { name, restarts } of await processes(second)) expect([name, restarts]).toEqual([name, 0]);
  await make(second, ["down"]);
});

test("a second make up gives every process the new settings, and moves Redis with its data", {
  timeout: 300_000,
}, async () => {
  const changed = { WORKER_CONCURRENCY: "7", LOG_LEVEL: "warn", REDIS_PORT: ports.MOVED };
  const { code, output } = await make(first, ["up"], changed);
  expect(output).toContain("moving from our Redis");
  expect(code).toBe(0);
  const all = await processes(first);
  expect(all.map(({ name }) => name).sort()).toEqual([
    "holdfast-janitor",
    "holdfast-observability",
    "holdfast-producer-api",
    // .env sets the number of workers, so an earlier `make scale` no longer counts.
    "holdfast-worker",
    "holdfast-worker-api",
  ]);
  for (const { pid } of all) {
    const settings = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    for (const [name, value] of Object.entries(changed)) expect(settings).toContain(`${name}=${value}`);
  }
  // This `make up` gets no settings. It uses the settings of the last `make up`, unless .env has others.
  const again = await make(first, ["up"]);
  expect(again.code).toBe(0);
  expect((await online(first, "worker"))[0].env).toMatchObject({
    ...changed,
    REDIS_PORT: ports.REDIS_PORT,
  });
  expect((await make(first, ["down"])).output).toContain("down");
  expect(existsSync(join(first, ".holdfast/env"))).toBe(false);
});

test("a service counts as ready only if that service answers, not another process on its port", async () => {
  const server = createServer((_request, response) => response.end("ok"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  const at = (pid) => ({
    processes: () => [
      {
        id: 0,
        name: "holdfast-producer-api",
        pid,
        status: "online",
        restarts: 0,
        env: { PORT: String(port) },
      },
    ],
  });
  expect(await waitReady(at(process.pid), 5_000)).toEqual([]);
  expect(await waitReady(at(process.ppid), 500)).toEqual([
    `holdfast-producer-api at http://127.0.0.1:${port}/readyz (another process answers there)`,
  ]);
  await new Promise((done) => server.close(done));
});
