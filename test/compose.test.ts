import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const project = `holdfast-test-${process.pid}`;
const env: NodeJS.ProcessEnv = { ...process.env };

const docker = (...args: string[]): string =>
  execFileSync("docker", args, {
    cwd: root,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
  }).trim();
const compose = (...args: string[]): string => docker("compose", "-p", project, ...args);

function engineAnswers(): boolean {
  try {
    docker("info");
    docker("compose", "version");
    return true;
  } catch {
    return false;
  }
}

const reachable = engineAnswers();
if (!reachable)
  console.warn("SKIPPED: no Docker engine answers, so the Compose stack is not tested (docker info)");

interface Container {
  ID: string;
  Service: string;
  State: string;
  Health: string;
}
const containers = (): Container[] =>
  compose("ps", "--all", "--format", "json")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Container)
    // It has made the secrets and is gone.
    .filter(({ Service }) => Service !== "init");

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

let key = "";
async function call<T>(method: string, url: string, body?: unknown): Promise<T> {
  const authorization = { authorization: `Bearer ${key}` };
  const init: RequestInit = { method, headers: authorization };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...authorization, "content-type": "application/json" };
  }
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function until<T>(what: string, timeoutMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(200);
  }
}

describe.skipIf(!reachable)("the Compose stack", () => {
  let producer = "";
  let observability = "";
  let prometheus = "";

  beforeAll(async () => {
    for (const name of ["PORT", "OBSERVABILITY_PORT", "REDIS_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT"]) {
      env[name] = String(await freePort());
    }
    // Short, so that the tasks of a killed worker come back while the test looks.
    env.LEASE_MS = "3000";
    producer = `http://127.0.0.1:${env.PORT}`;
    observability = `http://127.0.0.1:${env.OBSERVABILITY_PORT}`;
    prometheus = `http://127.0.0.1:${env.PROMETHEUS_PORT}`;
    compose("up", "-d", "--build", "--wait", "--wait-timeout", "180");
    key = compose("run", "--rm", "--no-deps", "-T", "init", "show", "api-key");
  }, 420_000);

  afterAll(() => {
    compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5");
  }, 120_000);

  test("comes up healthy, with two workers and two janitors", () => {
    const running = containers();
    expect(running.filter(({ Health }) => Health !== "healthy")).toEqual([]);
    const count = (service: string) => running.filter(({ Service }) => Service === service).length;
    expect([count("worker"), count("janitor"), count("redis"), count("grafana")]).toEqual([2, 2, 1, 1]);
  });

  test("publishes every port on the loopback interface alone", () => {
    const published = docker(
      "ps",
      "--filter",
      `label=com.docker.compose.project=${project}`,
      "--format",
      "{{.Ports}}",
    );
    const addresses = [...published.matchAll(/([0-9.[\]:]+):\d+->/g)].map(([, address]) => address);
    expect(addresses.length).toBe(5);
    expect(new Set(addresses)).toEqual(new Set(["127.0.0.1"]));
  });

  test("runs our services without root, without capabilities, on a read-only file system", () => {
    for (const { ID, Service } of containers()) {
      const [detail] = JSON.parse(docker("inspect", ID)) as {
        Config: { User: string };
        HostConfig: { ReadonlyRootfs: boolean; CapDrop: string[]; SecurityOpt: string[]; Memory: number };
      }[];
      expect(detail?.Config.User, Service).toMatch(/^[1-9]\d*:\d+$/);
      expect(detail?.HostConfig, Service).toMatchObject({ ReadonlyRootfs: true, CapDrop: ["ALL"] });
      expect(detail?.HostConfig.SecurityOpt, Service).toContain("no-new-privileges:true");
      expect(detail?.HostConfig.Memory, Service).toBeGreaterThan(0);
    }
  });

  test("redis keeps an append-only file and never evicts", () => {
    const REDISCLI_AUTH = compose("run", "--rm", "--no-deps", "-T", "init", "show", "redis-admin");
    const asAdmin = [
      "exec",
      "-T",
      "-e",
      `REDISCLI_AUTH=${REDISCLI_AUTH}`,
      "redis",
      "redis-cli",
      "--user",
      "admin",
    ];
    const redis = (name: string) => compose(...asAdmin, "config", "get", name);
    expect(redis("appendonly")).toContain("yes");
    expect(redis("appendfsync")).toContain("everysec");
    expect(redis("maxmemory-policy")).toContain("noeviction");
  });

  test("without a key a request is refused", async () => {
    for (const url of [`${producer}/v1/queues/demo/tasks/none`, `${observability}/v1/queues`])
      expect((await fetch(url)).status).toBe(401);
  });

  test("serves the dashboard", async () => {
    const response = await fetch(observability);
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(await response.text()).toContain("<div id=");
  });

  test("scales the workers, and Prometheus finds them all", async () => {
    compose("up", "-d", "--no-deps", "--no-recreate", "--wait", "--scale", "worker=4", "worker");
    expect(containers().filter(({ Service }) => Service === "worker")).toHaveLength(4);
    interface Targets {
      data: { activeTargets: { labels: { job: string }; health: string }[] };
    }
    await until("4 workers and 2 janitors scraped", 60_000, async () => {
      const { data } = await call<Targets>("GET", `${prometheus}/api/v1/targets?state=active`);
      const up = (job: string) =>
        data.activeTargets.filter(({ labels, health }) => labels.job === job && health === "up").length;
      return up("worker") === 4 &&
        up("janitor") === 2 &&
        up("producer-api") === 1 &&
        up("observability") === 1
        ? true
        : undefined;
    });
  }, 120_000);

  test("loses no task when a worker and a janitor are killed under load", async () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `compose-${index}`);
    const queue = "/v1/queues/demo";
    const enqueue = async (part: string[]) => {
      const tasks = part.map((id) => ({ id, type: "demo.sleep", payload: { ms: 100 } }));
      interface Reply {
        results: { status: number }[];
      }
      const { results } = await call<Reply>("POST", `${producer}${queue}/tasks/batch`, tasks);
      expect(results.filter(({ status }) => status >= 300)).toEqual([]);
    };
    await enqueue(ids.slice(0, 1_000));
    await enqueue(ids.slice(1_000));
    interface Stats {
      processing: number;
      completed: number;
      totals: { acked: number; crashed: number };
    }
    const stats = () => call<Stats>("GET", `${observability}${queue}`);
    await until("tasks run", 20_000, async () => ((await stats()).processing > 0 ? true : undefined));
    const running = containers();
    for (const service of ["worker", "janitor"]) {
      const victim = running.find(({ Service }) => Service === service);
      docker("kill", "--signal", "KILL", victim?.ID ?? "");
    }
    await until("all completed", 60_000, async () =>
      (await stats()).totals.acked === ids.length ? true : undefined,
    );
    const end = await stats();
    expect(end.completed).toBe(ids.length);
    // The killed worker held tasks: without this the test proves nothing.
    expect(end.totals.crashed).toBeGreaterThan(0);
  }, 120_000);
});
