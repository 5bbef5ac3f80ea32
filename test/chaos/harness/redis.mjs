import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./ports.mjs";
import { Child } from "./processes.mjs";
import { until } from "./until.mjs";

const run = promisify(execFile);

/** Sends one command to Redis with redis-cli. */
export async function cli(port, ...args) {
  const { stdout } = await run("redis-cli", ["-p", String(port), ...args.map(String)], {
    maxBuffer: 1 << 26,
  });
  return stdout.trim();
}

/** Returns the first bytes of the answer to PING, or "" if the server does not answer. */
function ping(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(500, () => done(""));
    socket.on("error", () => done(""));
    socket.on("connect", () => socket.write("PING\r\n"));
    socket.on("data", (data) => done(String(data).trim()));
  });
}

// A sync takes milliseconds, so `afterSync` asks Redis once per millisecond whether a sync is running.
const ASKED_EVERY_MS = 1;

/**
 * Resolves when Redis has just ended a sync of its append-only file. With "everysec", the file may lack answered
 * writes during a sync. After it, no other sync begins for most of a second. Also resolves after `timeoutMs`, because
 * on a quick disk a sync may be over before INFO shows it.
 */
export async function afterSync(port, timeoutMs = 3_000) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  let text = "";
  socket.on("data", (data) => {
    text += data;
  });
  const deadline = performance.now() + timeoutMs;
  try {
    for (let wasUnderWay = false; performance.now() < deadline; await sleep(ASKED_EVERY_MS)) {
      text = "";
      socket.write("INFO persistence\r\n");
      await until("Redis answers INFO", () => text.includes("aof_delayed_fsync:"), 1_000, ASKED_EVERY_MS);
      const isUnderWay = text.includes("aof_pending_bio_fsync:1");
      if (wasUnderWay && !isUnderWay) return;
      wasUnderWay = isUnderWay;
    }
  } finally {
    socket.destroy();
  }
}

/** Returns the fields of INFO. */
async function info(port) {
  const text = await cli(port, "info");
  return Object.fromEntries(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}

/** A redis-server for one row of the fault matrix (one test), with its own port and folder. */
class RedisServer {
  constructor({ port, folder, args, env, track, under }) {
    Object.assign(this, { port, folder, args, env, track, under });
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start({ wait = true } = {}) {
    const args = [
      "--port",
      this.port,
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--dir",
      this.folder,
      ...this.args,
    ];
    const [command, ...before] = [...this.under, "redis-server"];
    this.child = this.track(
      new Child(command, [...before, ...args].map(String), {
        folder: this.folder,
        label: "redis",
        env: this.env,
      }),
    );
    if (wait) await this.answers();
  }

  async answers(timeoutMs = 20_000) {
    await until(
      `redis-server on ${this.port}`,
      async () => {
        if (!this.child.running) throw new Error(`redis-server ended: ${this.child.complaint()}`);
        return (await ping(this.port)) === "+PONG";
      },
      timeoutMs,
    );
  }

  kill() {
    return this.child.kill();
  }

  cli(...args) {
    return cli(this.port, ...args);
  }

  info() {
    return info(this.port);
  }
}

export const AOF = { none: ["--appendonly", "no"] };
for (const policy of ["always", "everysec"]) AOF[policy] = ["--appendonly", "yes", "--appendfsync", policy];

/**
 * @param folder the folder of this test, in which the server gets its own folder unless `dataFolder` is given
 * @param under a command, with its arguments, that runs redis-server, such as valgrind
 */
export async function startRedis({ folder, track, args = AOF.none, env = {}, dataFolder, port, under = [] }) {
  const at = port ?? (await freePort());
  const own = dataFolder ?? join(folder, `redis-${at}`);
  mkdirSync(own, { recursive: true });
  const server = new RedisServer({ port: at, folder: own, args, env, track, under });
  await server.start();
  return server;
}
