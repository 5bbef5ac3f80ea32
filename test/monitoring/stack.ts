import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { read, root } from "./support.ts";

export interface Series {
  metric: Record<string, string>;
  /** The value that an instant query returned. */
  value?: [number, string];
  /** The values that a range query returned. */
  values?: [number, string][];
}

/** The ports of the processes of each job in infra/prometheus/prometheus.yml. */
export type Ports = Record<
  "producer-api" | "worker-api" | "observability" | "worker" | "janitor" | "dispatcher" | "prometheus",
  number[]
>;

export interface Stack {
  redis: RedisServer;
  ports: Ports;
  workers: ServiceProcess[];
  producer(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }>;
  operator(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }>;
  prometheus<T>(path: string, query?: Record<string, string>): Promise<T>;
  query(expr: string): Promise<Series[]>;
  /** Returns the sum of the results of an instant query, or NaN if there are none. */
  sum(expr: string): Promise<number>;
  /** Runs a range query over the whole run, with one point per second. */
  range(expr: string): Promise<Series[]>;
  stop(): Promise<void>;
}

export const WORKERS = 3;
export const SLOTS = 10;
const QUEUES = "default,mail";

/** Starts Redis, all services with three workers, and a Prometheus that scrapes them every second. */
export async function startStack(): Promise<Stack> {
  const redis = await startRedisServer();
  const services: ServiceProcess[] = [];
  const common = { REDIS_URL: redis.url, LOG_LEVEL: "warn" };
  const start = async (name: string, env: Record<string, string>) => {
    const main = resolve(root, `services/${name}/dist/main.js`);
    const service = startService(main, { ...common, ...env });
    services.push(service);
    return service;
  };
  const ports: Ports = {
    "producer-api": [await freePort()],
    "worker-api": [await freePort()],
    observability: [await freePort()],
    worker: await Promise.all(Array.from({ length: WORKERS }, freePort)),
    janitor: [await freePort()],
    dispatcher: [await freePort()],
    prometheus: [await freePort()],
  };
  const [producerPort, operatorPort, prometheusPort] = [
    ports["producer-api"],
    ports.observability,
    ports.prometheus,
  ].map(String);
  await start("producer-api", { PORT: String(producerPort) });
  await start("worker-api", { WORKER_API_PORT: String(ports["worker-api"]) });
  await start("observability", { OBSERVABILITY_PORT: String(operatorPort) });
  await start("janitor", {
    METRICS_PORT: String(ports.janitor),
    SWEEP_INTERVAL_MS: "100",
    AUDIT_INTERVAL_MS: "1000",
  });
  const workers = await Promise.all(
    ports.worker.map((port) =>
      start("worker", {
        QUEUES,
        METRICS_PORT: String(port),
        WORKER_CONCURRENCY: String(SLOTS),
        LEASE_MS: "3000",
        MAX_RETRIES: "1",
        BACKOFF_BASE_MS: "10",
        BACKOFF_MAX_MS: "10",
      }),
    ),
  );
  const folder = mkdtempSync(join(tmpdir(), "holdfast-prometheus-"));
  writeConfiguration(folder, ports);
  const server = createServer((_request, response) => response.writeHead(204).end());
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const receiver = { url, allowPrivate: true, secrets: [{ env: "SECRET" }] };
  const endpoints = {
    endpoints: [{ ...receiver, name: "billing", queue: "pushed", types: ["invoice"] }],
    webhooks: [{ ...receiver, name: "partner", queues: ["pushed"], on: ["completed"] }],
  };
  writeFileSync(join(folder, "endpoints.json"), JSON.stringify(endpoints));
  await start("dispatcher", {
    DISPATCHER_PORT: String(ports.dispatcher),
    ENDPOINTS_FILE: join(folder, "endpoints.json"),
    SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
  });
  const prometheus = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  prometheus.stderr.on("data", (chunk) => {
    log += String(chunk);
  });
  const startedAt = Date.now() / 1_000;

  const caller = (port: string | undefined) => async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.text() };
  };
  const api = async <T>(path: string, query: Record<string, string> = {}): Promise<T> => {
    const response = await fetch(
      `http://127.0.0.1:${prometheusPort}/api/v1/${path}?${new URLSearchParams(query)}`,
    );
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== "success") throw new Error(`${path} ${query.query}: ${answer.error}`);
    return answer.data;
  };
  const query = async (expr: string) => (await api<{ result: Series[] }>("query", { query: expr })).result;
  const stack: Stack = {
    redis,
    ports,
    workers,
    producer: caller(producerPort),
    operator: caller(operatorPort),
    prometheus: api,
    query,
    sum: async (expr) => {
      const result = await query(expr);
      return result.length === 0
        ? Number.NaN
        : result.reduce((sum, { value }) => sum + Number(value?.[1]), 0);
    },
    range: async (expr) =>
      (
        await api<{ result: Series[] }>("query_range", {
          query: expr,
          start: String(startedAt),
          // One step more than the time, so that the last point is behind the last scrape.
          end: String(Date.now() / 1_000 + 1),
          step: "1",
        })
      ).result,
    async stop() {
      await Promise.all([...services.map((service) => service.kill()), ended(prometheus)]);
      server.close().closeAllConnections();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await until(
      "Prometheus scrapes all",
      async () => {
        if (prometheus.exitCode !== null) throw new Error(`prometheus ended:\n${log}`);
        const up = await query("up == 1").catch(() => []);
        const queues = await stack.sum(`sum(holdfast_worker_slots{queue="${QUEUES}"})`).catch(() => 0);
        return up.length === WORKERS + 6 && queues === WORKERS * SLOTS;
      },
      120_000,
    );
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

/**
 * Writes the Prometheus configuration of the repository, but with these ports as targets and with intervals of 1 s.
 */
function writeConfiguration(folder: string, ports: Ports): void {
  mkdirSync(join(folder, "rules"));
  for (const name of readdirSync(resolve(root, "infra/prometheus/rules"))) {
    const rules = read(`infra/prometheus/rules/${name}`).replaceAll("interval: 1m", "interval: 1s");
    writeFileSync(join(folder, "rules", name), rules);
  }
  const text = read("infra/prometheus/prometheus.yml")
    .replace("scrape_interval: 5s", "scrape_interval: 1s")
    .replace("scrape_timeout: 4s", "scrape_timeout: 1s")
    .replace("evaluation_interval: 15s", "evaluation_interval: 1s")
    .replace('["localhost:9090"]', `["127.0.0.1:${ports.prometheus}"]`)
    .replaceAll(/dns_sd_configs:\n {6}- names: \[(.+?)\]\n(?: {8}.*\n)+/g, (_match, name: keyof Ports) => {
      const targets = ports[name].map((port) => `"127.0.0.1:${port}"`).join(", ");
      return `static_configs:\n      - targets: [${targets}]\n`;
    });
  writeFileSync(join(folder, "prometheus.yml"), text);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGKILL");
  await gone;
}
