import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { people } from "./compose/people.ts";
import {
  choosePorts,
  compose,
  containers,
  docker,
  engineAnswers,
  grafanaUrl,
  inside,
  observabilityUrl,
  producerUrl,
  project,
  prometheusUrl,
  request,
  script,
  secrets,
  secretsInLayers,
  until,
  workerApiUrl,
} from "./compose/stack.ts";

// Tests the whole stack in a real container engine, started by `docker compose up`. All tests are in one file, because
// they share one start.

const reachable = engineAnswers();
if (!reachable)
  console.warn("SKIPPED: no Docker engine answers, so the Compose stack is not tested (docker info)");

const OURS = ["producer-api", "worker-api", "worker", "janitor", "observability"];
const QUEUE = "/v1/queues/demo";

describe.skipIf(!reachable)("the Compose stack", () => {
  let key = "";
  let authorization = { authorization: "" };
  const redis: Record<string, string> = {};

  beforeAll(async () => {
    // Leases are short, so that the tasks of a killed worker come back during the test.
    await choosePorts({ LEASE_MS: "3000" });
    compose("up", "-d", "--build", "--wait", "--wait-timeout", "240");
    const [apiKey = "", admin = ""] = secrets("api-key", "redis-admin");
    key = apiKey;
    authorization = { authorization: `Bearer ${key}` };
    Object.assign(redis, { REDIS_USERNAME: "admin", REDIS_PASSWORD: admin });
  }, 540_000);

  afterAll(() => {
    compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5");
  }, 120_000);

  const call = async <T>(method: string, url: string, body?: unknown): Promise<T> => {
    const reply = await request<T>(method, url, {
      headers: authorization,
      ...(body === undefined ? {} : { body }),
    });
    if (reply.status >= 300)
      throw new Error(`${method} ${url}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  };

  test("starts from nothing: all services are healthy, among them two workers and two janitors, and init exits with 0", () => {
    const running = containers();
    expect(running.filter(({ Health }) => Health !== "healthy")).toEqual([]);
    const count = (service: string) => running.filter(({ Service }) => Service === service).length;
    expect([count("worker"), count("janitor"), count("redis"), count("grafana")]).toEqual([2, 2, 1, 1]);
    const init = JSON.parse(compose("ps", "--all", "--format", "json", "init")) as { ExitCode: number };
    expect(init.ExitCode).toBe(0);
    // init says how to get the key. It does not print the key, because its output is kept as a log.
    expect(compose("logs", "init")).toContain("make key");
  });

  test("publishes every port on the loopback interface alone", () => {
    const filter = `label=com.docker.compose.project=${project}`;
    const published = docker("ps", "--filter", filter, "--format", "{{.Ports}}");
    const addresses = [...published.matchAll(/([0-9.[\]:]+):\d+->/g)].map(([, address]) => address);
    expect(addresses.length).toBe(6);
    expect(new Set(addresses)).toEqual(new Set(["127.0.0.1"]));
  });

  test("every container has limits, no capability, a read-only root and a log of limited size", () => {
    const ids = compose("ps", "--all", "-q").split("\n");
    interface Detail {
      Name: string;
      Config: { User: string };
      HostConfig: Record<string, unknown> & { LogConfig: { Config: Record<string, string> } };
    }
    for (const { Name, Config, HostConfig } of JSON.parse(docker("inspect", ...ids)) as Detail[]) {
      expect(Config.User, Name).toMatch(/^[1-9]\d*:\d+$/);
      expect(HostConfig, Name).toMatchObject({ ReadonlyRootfs: true, CapDrop: ["ALL"], Init: true });
      expect(HostConfig.SecurityOpt, Name).toContain("no-new-privileges:true");
      for (const limit of ["Memory", "NanoCpus", "PidsLimit"])
        expect(HostConfig[limit], `${Name} ${limit}`).toBeGreaterThan(0);
      expect(HostConfig.LogConfig.Config, Name).toHaveProperty("max-size");
    }
  });

  test.each([...OURS, "redis"])(
    "a process in %s is not root, has no capability and can write nowhere",
    (service) => {
      expect(Number(inside(service, "id -u").output)).toBeGreaterThan(0);
      const paths = ["/app/x", "/etc/x", "/x", "/secrets/x", "/etc/passwd"];
      const touched = inside(service, `for f in ${paths.join(" ")}; do touch $f && echo "wrote $f"; done`);
      const answers = touched.output.split("\n");
      expect(answers).toHaveLength(paths.length);
      for (const answer of answers)
        expect(answer).toMatch(/Read-only file system|Permission denied|No such file/);
      const status = inside(service, "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status").output;
      expect(status).toMatch(/CapEff:\s+0+$/m);
      expect(status).toMatch(/CapBnd:\s+0+$/m);
      expect(status).toMatch(/NoNewPrivs:\s+1$/m);
      // No container can reach the Docker engine of the machine.
      expect(inside(service, "ls /var/run/docker.sock").status).not.toBe(0);
    },
  );

  test("a container can read its own secrets and no others", () => {
    const folders = ["own", "redis", "grafana", "k6", ...OURS];
    for (const service of OURS) {
      expect(inside(service, `cat /secrets/${service}/redis-password`).output).toHaveLength(43);
      const others = folders.filter((folder) => folder !== service);
      const { output } = inside(service, `cd /secrets; for f in ${others.join(" ")}; do ls $f; done`);
      const refused = others.map((other) => expect.stringMatching(`'${other}': Permission denied`));
      expect(output.split("\n"), service).toEqual(refused);
    }
  });

  test("the production images have no build tools and no source code", () => {
    for (const service of OURS) {
      expect(
        inside(service, "ls /app/node_modules/.pnpm | grep -E '^(typescript|vitest|pm2|@biomejs)'").output,
      ).toBe("");
      expect(
        inside(service, "find /app -name '*.test.*' -not -path '*/node_modules/*' | head -1").output,
      ).toBe("");
    }
  });

  test("a request from another container gets 401 without a key, and is served with the key", () => {
    const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
    for (const url of [
      `http://producer-api:3000${QUEUE}/tasks/none`,
      "http://observability:3001/v1/queues",
    ]) {
      // The paths for Prometheus and for the health checks need no key.
      const metrics = new URL("/metrics", url).href;
      const asked = [
        [url, {}],
        [url, bearer("hf_000000000000_wrong")],
        [url, bearer(key)],
        [metrics, {}],
      ];
      const program = `for (const [url, headers] of ${JSON.stringify(asked)}) {
        const r = await fetch(url, { headers });
        console.log(r.status, r.headers.get("content-type"), (await r.text()).split("\\n")[0]);
      }`;
      const { output } = inside("worker", `node --input-type=module -e '${program}'`);
      expect(output.split("\n")).toEqual([
        expect.stringMatching(/^401 application\/problem\+json.*"code":"unauthorized"/),
        expect.stringMatching(/^401 /),
        expect.stringMatching(/^(200|404) .*(queues|not_found)/),
        expect.stringMatching(/^200 /),
      ]);
    }
  });

  test("Redis refuses clients without a password, and each role has only the rights that it needs", () => {
    const redisCli = (args: string, auth = "") =>
      inside("redis", `${auth} redis-cli --no-auth-warning ${args}`).output;
    expect(redisCli("ping")).toContain("NOAUTH");
    expect(redisCli("get queue:{demo}:tasks")).toContain("NOAUTH");
    expect(redisCli("--user default ping", "REDISCLI_AUTH=guess")).toContain("WRONGPASS");
    const [admin = "", worker = ""] = secrets("redis-admin", "redis-worker");
    const as = (user: string, password: string, args: string) =>
      redisCli(`--user ${user} ${args}`, `REDISCLI_AUTH=${password}`);
    expect(as("worker", worker, "ping")).toBe("PONG");
    for (const args of ["flushall", "keys '*'", "config get dir", "acl list", "get other:key"])
      expect(as("worker", worker, args), args).toContain("NOPERM");
    // The user of the health check may only send PING.
    const health = "--user health";
    const own = 'REDISCLI_AUTH="$(cat /secrets/redis/redis-password)"';
    expect(redisCli(`${health} ping`, own)).toBe("PONG");
    expect(redisCli(`${health} info`, own)).toContain("NOPERM");
    const config = (name: string) => as("admin", admin, `config get ${name}`).split("\n").at(-1);
    expect([config("appendonly"), config("appendfsync"), config("maxmemory-policy")]).toEqual([
      ...["yes", "everysec", "noeviction"],
    ]);
  });

  test("Grafana asks for a log-in", async () => {
    const { status } = await request("GET", `${grafanaUrl()}/api/health`);
    expect(status).toBe(200);
    expect(inside("grafana", "env").output).not.toMatch(/GF_AUTH_ANONYMOUS_ENABLED=true/);
    expect(inside("grafana", "wc -c < /secrets/grafana/admin-password").output).toBe("44");
  });

  people(() => ({ key, redis }));

  test("the documented command scales to eight workers, and Prometheus finds them all", async () => {
    compose("up", "-d", "--scale", "worker=8", "--wait");
    expect(containers().filter(({ Service }) => Service === "worker")).toHaveLength(8);
    interface Targets {
      data: { activeTargets: { labels: { job: string }; health: string }[] };
    }
    await until("Prometheus scrapes 8 workers and 2 janitors", 60_000, async () => {
      const { body } = await request<Targets>("GET", `${prometheusUrl()}/api/v1/targets?state=active`);
      const up = (job: string) =>
        body.data.activeTargets.filter(({ labels, health }) => labels.job === job && health === "up").length;
      const found = ["worker", "janitor", "producer-api", "worker-api", "observability"].map(up);
      return found.join() === "8,2,1,1,1" ? true : undefined;
    });
    const { workers } = await call<{ workers: unknown[] }>("GET", `${observabilityUrl()}/v1/workers`);
    expect(workers).toHaveLength(8);
  }, 180_000);

  test("a worker in another language takes a task over HTTP and completes it", async () => {
    const queue = "/v1/queues/remote";
    const work = `${workerApiUrl()}${queue}/work`;
    const { status } = await request("POST", `${work}/acquire`, { body: {} });
    expect(status).toBe(401);
    const { id } = await call<{ id: string }>("POST", `${producerUrl()}${queue}/tasks`, {
      ...{ type: "remote", payload: 1 },
    });
    const asked = { workerId: "w", requestId: 1, want: 1, waitMs: 10_000 };
    const { tasks } = await call<{ tasks: { id: string; token: string }[] }>(
      "POST",
      `${work}/acquire`,
      asked,
    );
    expect(tasks.map((task) => task.id)).toEqual([id]);
    const verdicts = [{ id, token: tasks[0]?.token, verdict: "complete", result: 2 }];
    await call("POST", `${work}/settle`, { workerId: "w", requestId: 2, verdicts });
    const task = await call("GET", `${producerUrl()}${queue}/tasks/${id}`);
    expect(task).toMatchObject({ state: "completed", resultText: "2" });
  });

  interface Stats {
    processing: number;
    completed: number;
    totals: { acked: number; crashed: number };
  }
  const stats = () => call<Stats>("GET", `${observabilityUrl()}${QUEUE}`);

  test("loses no task when workers and a janitor are killed under load", async () => {
    const before = await stats();
    const ids = Array.from({ length: 2_000 }, (_, index) => `compose-${index}`);
    for (const part of [ids.slice(0, 1_000), ids.slice(1_000)]) {
      const tasks = part.map((id) => ({ id, type: "demo.sleep", payload: { ms: 1_000 } }));
      const url = `${producerUrl()}${QUEUE}/tasks/batch`;
      const { results } = await call<{ results: { status: number }[] }>("POST", url, tasks);
      expect(results.filter(({ status }) => status >= 300)).toEqual([]);
    }
    await until("tasks run", 20_000, async () => ((await stats()).processing > 0 ? true : undefined));
    const running = containers();
    // All workers except one are killed, so that the killed ones certainly hold tasks.
    const workers = running.filter(({ Service }) => Service === "worker").slice(1);
    const [janitor] = running.filter(({ Service }) => Service === "janitor");
    docker("kill", "--signal", "KILL", ...workers.map(({ ID }) => ID), janitor?.ID ?? "");
    await until("all tasks are completed", 60_000, async () =>
      (await stats()).totals.acked - before.totals.acked === ids.length ? true : undefined,
    );
    const end = await stats();
    expect(end.completed - before.completed).toBe(ids.length);
    // If the killed workers had held no tasks, this test would prove nothing.
    expect(end.totals.crashed).toBeGreaterThan(before.totals.crashed);
  }, 120_000);

  test("restarts everything under load, Redis too, and no request fails and no task is lost", async () => {
    compose("up", "-d", "--wait");
    const output = await script("loadtest/rolling-restart.mjs", "--seconds", "1", "--rate", "100", "--redis");
    const result = JSON.parse(output.split("\n").at(-1) ?? "{}") as Record<string, number>;
    expect(result).toMatchObject({ rounds: 1, restarts: 8, requestsFailed: 0, lost: 0 });
    expect(result.completed).toBe(result.tasks);
    expect(result.tasks).toBeGreaterThan(500);
  }, 300_000);

  test("no secret is in a layer of an image, in an environment, in a log or in a command line", async () => {
    const all = compose(
      ...["--progress", "quiet", "run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "init"],
      ...[
        "-c",
        "for f in api-key grafana-password session-secret redis-admin redis-worker redis-producer redis-observer redis-janitor redis-worker-api redis-health; do cat /secrets/own/$f; done",
      ],
    ).split("\n");
    expect(all).toHaveLength(10);
    for (const secret of all) expect(secret.length).toBeGreaterThanOrEqual(43);
    const found = (where: string, text: string) =>
      all.filter((secret) => text.includes(secret)).map((secret) => `${secret.slice(0, 6)}… in ${where}`);

    const ids = compose("ps", "--all", "-q").split("\n");
    const images = [...new Set(docker("inspect", "--format", "{{.Config.Image}}", ...ids).split("\n"))];
    const leaks = [
      ...found("inspect", docker("inspect", ...ids)),
      ...found("logs", compose("logs", "--no-color")),
      ...images.flatMap((image) =>
        found(image, docker("history", "--no-trunc", image) + docker("inspect", image)),
      ),
      ...OURS.flatMap((service) =>
        found(`${service}: env`, inside(service, "env; cat /proc/1/environ /proc/1/cmdline").output),
      ),
    ];
    expect(leaks).toEqual([]);
    const ours = images.filter((image) => image.startsWith(project));
    expect(ours).toHaveLength(6);
    expect(await secretsInLayers(ours, all)).toEqual([]);
    // All of these images contain this text. So the scan has to find it, which shows that the scan works.
    expect(await secretsInLayers(ours.slice(0, 1), ["@holdfast/"])).toEqual(["@holdf"]);
  }, 180_000);
});
