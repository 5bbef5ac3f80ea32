import { execFile, execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../..");
/** The test uses its own project name and ports, so that it can run beside the stack of a user. */
export const project = `holdfast-test-${process.pid}`;
const env: NodeJS.ProcessEnv = { ...process.env, COMPOSE_PROJECT_NAME: project, HOLDFAST_RUN: "docker" };
for (const name of ["HOLDFAST_API_KEY", "HOLDFAST_TLS", "COMPOSE_PROFILES", "REDIS_CLUSTER_NODES"])
  delete env[name];

export function docker(...args: string[]): string {
  return execFileSync("docker", args, {
    cwd: root,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  }).trim();
}
export const compose = (...args: string[]): string => docker("compose", ...args);

export function engineAnswers(): boolean {
  try {
    docker("info");
    docker("compose", "version");
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Chooses a free port for each published port. @param settings more settings for the stack */
export async function choosePorts(settings: Record<string, string>): Promise<void> {
  for (const name of [
    "PORT",
    "OBSERVABILITY_PORT",
    "WORKER_API_PORT",
    "REDIS_PORT",
    "PROMETHEUS_PORT",
    "GRAFANA_PORT",
  ]) {
    env[name] = String(await freePort());
  }
  Object.assign(env, settings);
}
export const producerUrl = () => `http://127.0.0.1:${env.PORT}`;
export const workerApiUrl = () => `http://127.0.0.1:${env.WORKER_API_PORT}`;
export const observabilityUrl = () => `http://127.0.0.1:${env.OBSERVABILITY_PORT}`;
export const prometheusUrl = () => `http://127.0.0.1:${env.PROMETHEUS_PORT}`;
export const grafanaUrl = () => `http://127.0.0.1:${env.GRAFANA_PORT}`;
const redisPort = () => Number(env.REDIS_PORT);

interface Container {
  ID: string;
  Service: string;
  State: string;
  Health: string;
}
/** Returns the running containers. `init` is not among them, because it has already ended. */
export const containers = (): Container[] =>
  compose("ps", "--format", "json")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Container);

/** Runs a shell command in a container of a service. Returns its output and its exit status. */
export function inside(service: string, command: string): { status: number; output: string } {
  const marker = "status:";
  const label = "label=com.docker.compose";
  const filters = ["--filter", `${label}.project=${project}`, "--filter", `${label}.service=${service}`];
  const [id = ""] = docker("ps", "-q", ...filters).split("\n");
  const output = docker("exec", id, "sh", "-c", `(${command}) 2>&1; echo ${marker}$?`);
  const [text = "", status] = output.split(marker);
  return { status: Number(status), output: text.trim() };
}

/** Returns the secrets with these names, in this order, as `docker compose run init show` prints them. */
export const secrets = (...names: string[]): string[] =>
  compose("--progress", "quiet", "run", "--rm", "--no-deps", "-T", "init", "show", ...names).split("\n");

/** Runs a script of the repository against this stack, as a user would. */
export async function script(path: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], {
    cwd: root,
    env,
    maxBuffer: 1 << 26,
  });
  return stdout.trim();
}
export async function holdfast(redis: Record<string, string>, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("node_modules/.bin/holdfast", args, {
    cwd: root,
    env: { ...env, REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redisPort()), ...redis },
  });
  return stdout.trim();
}

export interface Reply<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}
/** Sends one request. An answer with an error status is returned, not thrown. */
export async function request<T>(
  method: string,
  url: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply<T>> {
  const init: RequestInit = { method, headers: { ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...headers, "content-type": "application/json" };
  }
  const response = await fetch(url, init);
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json().catch(() => null)) as T,
  };
}

export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms, but this did not happen: ${what}`);
    await delay(200);
  }
}

/** Returns the secrets that occur in a layer of one of the images. The layers are read from `docker save`. */
export function secretsInLayers(images: string[], secrets: string[]): Promise<string[]> {
  const needles = secrets.map((secret) => Buffer.from(secret));
  const longest = Math.max(...needles.map((needle) => needle.length));
  const hits = new Set<string>();
  let tail = Buffer.alloc(0);
  const child = spawn("docker", ["save", ...images], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.on("data", (chunk: Buffer) => {
    const text = Buffer.concat([tail, chunk]);
    for (const [index, needle] of needles.entries())
      if (text.includes(needle)) hits.add(secrets[index]?.slice(0, 6) ?? "");
    tail = text.subarray(-longest);
  });
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) => (code === 0 ? done([...hits]) : fail(new Error(`docker save: ${code}`))));
  });
}
