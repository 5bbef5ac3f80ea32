import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { asHoldfastError } from "@holdfast/contracts";
import { Holdfast, type HoldfastError } from "holdfast";
import type { DevChild } from "./child.ts";
import type { DevChildren } from "./children.ts";
import type { DevFolder } from "./folder.ts";
import { freePort } from "./ports.ts";

const PROGRAMS = ["redis-server", "valkey-server"];
const ENGINES = ["docker", "podman"];
/** The same image as in docker-compose.yml. */
const IMAGE = "redis:8.2-bookworm";
const ANSWER_MS = 30_000;
/** A container engine may have to download the image first. */
const CONTAINER_ANSWER_MS = 300_000;
const ENGINE_MS = 10_000;
const PERSISTENCE = ["--appendonly", "yes", "--save", ""];

export interface DevRedis {
  child: DevChild;
  port: number;
  /** What runs this Redis and where its data is, as text for the user. */
  how: string;
}

export interface RedisOptions {
  children: DevChildren;
  folder: DevFolder;
  env: NodeJS.ProcessEnv;
  /** The port to use if it is free. Clients look for Redis at 6379 by default. */
  port: number;
  signal: AbortSignal;
  /** Tells the user about a long wait. */
  say(text: string): void;
}

/**
 * Starts a Redis or Valkey from the PATH. If there is none, starts one in a container.
 * @returns null if the machine has none of them
 */
export async function startRedis(options: RedisOptions): Promise<DevRedis | null> {
  const { children, folder, env, signal } = options;
  const port = await freePort(options.port);
  const url = `redis://127.0.0.1:${port}`;
  const logPath = join(folder.path, "redis.log");
  const log = openSync(logPath, "a");
  try {
    for (const program of PROGRAMS) {
      const place = ["--bind", "127.0.0.1", "--dir", folder.path];
      const args = ["--port", String(port), ...place, ...PERSISTENCE];
      const child = children.startRedis(program, program, args, { env, output: log });
      await untilAnswers(url, child, { logPath, signal, limitMs: ANSWER_MS });
      if (!child.isMissing) return { child, port, how: `${program} of this machine, data in ${folder.path}` };
    }
    for (const engine of ENGINES) {
      if (!(await engineAnswers(engine, env))) continue;
      options.say(`holdfast: starting ${IMAGE} with ${engine}; the first time, it has to be downloaded`);
      const name = `holdfast-dev-${createHash("sha256").update(folder.path).digest("hex").slice(0, 12)}`;
      // The option --rm removes a container when it ends. So a container of this name is left only if docker or
      // podman was killed.
      await run(engine, ["rm", "--force", name], env);
      const place = ["--publish", `127.0.0.1:${port}:6379`, "--volume", `${name}:/data`];
      // Without this option Redis refuses clients from outside its container. The port is published on loopback only.
      const settings = [...PERSISTENCE, "--protected-mode", "no"];
      const args = ["run", "--rm", "--name", name, ...place, IMAGE, "redis-server", ...settings];
      const child = children.startRedis(engine, engine, args, { env, output: log });
      await untilAnswers(url, child, { logPath, signal, limitMs: CONTAINER_ANSWER_MS });
      return { child, port, how: `${IMAGE} in ${engine}, data in the volume ${name}` };
    }
    return null;
  } finally {
    closeSync(log);
  }
}

const run = async (command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> =>
  promisify(execFile)(command, args, { env, timeout: ENGINE_MS }).then(
    () => true,
    () => false,
  );

const engineAnswers = (engine: string, env: NodeJS.ProcessEnv) => run(engine, ["info"], env);

const pause = (signal: AbortSignal) => sleep(100, undefined, { signal });

interface Wait {
  logPath: string;
  limitMs: number;
  signal: AbortSignal;
}

/** Resolves when Holdfast can use the Redis, or if its program is missing. */
async function untilAnswers(url: string, child: DevChild, { logPath, limitMs, signal }: Wait): Promise<void> {
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  for (const end = performance.now() + limitMs; performance.now() < end && !hasEnded; await pause(signal)) {
    const problem = await problemOf(url);
    if (problem === null) return;
    if (problem.code !== "redis_unavailable") throw problem;
  }
  if (child.isMissing) return;
  await child.stop();
  throw new Error(`${child.name} did not start (${await child.ended}): read ${logPath}`);
}

/** Returns the reason why Holdfast cannot use this Redis; null if it can. */
async function problemOf(url: string): Promise<HoldfastError | null> {
  const client = new Holdfast({ redis: url });
  try {
    await client.check(1_000);
    return null;
  } catch (error) {
    return asHoldfastError(error);
  } finally {
    await client.close();
  }
}
