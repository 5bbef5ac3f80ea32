import { chmodSync } from "node:fs";
import { freePort, type RedisServer, startFakeRedis, startRedisServer, until } from "@holdfast/testing";
import { FatalError, Holdfast, Janitor, Observer, Queue, Schedules, Worker } from "holdfast";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cliFor, type Ended, start } from "./support.ts";

interface Finding {
  check: string;
  verdict: string;
  detail: string;
  remedy: string | null;
}

let redis: RedisServer;
let client: Holdfast;
let janitor: Janitor;
const workers: Worker[] = [];
const { cli } = cliFor(() => redis.url);

beforeEach(async () => {
  redis = await startRedisServer(["--appendonly", "yes"]);
  client = new Holdfast({ redis: redis.url });
  janitor = new Janitor({ redis: redis.url });
  await janitor.start();
  const observer = new Observer({ client });
  await until("the janitor is registered", async () => (await observer.janitors()).length === 1);
});

afterEach(async () => {
  await janitor.stop({ graceMs: 500 });
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceMs: 500 })));
  await client.close();
  await redis.stop();
});

function findingsOf({ stdout }: Ended): Finding[] {
  return (JSON.parse(stdout) as { findings: Finding[] }).findings;
}

/** Returns the problems that the command reports. Checks that each one names a remedy. */
async function problems(...args: string[]): Promise<Finding[]> {
  const ended = await cli("doctor", "--json", ...args);
  const found = findingsOf(ended).filter(({ verdict }) => verdict === "problem");
  expect(ended.code).toBe(found.length === 0 ? 0 : 1);
  for (const { remedy } of found) expect(remedy).toMatch(/\w{3}/);
  return found;
}

async function startWorker(queue: string, version: string): Promise<void> {
  const handlers = {
    bad: () => {
      throw new FatalError("no way");
    },
  };
  const worker = new Worker(queue, handlers, { redis: redis.url, version });
  workers.push(worker);
  await worker.start();
  const observer = new Observer({ client });
  await until("the worker is registered", async () =>
    (await observer.workers()).some(({ id }) => id === worker.id),
  );
}

test("a healthy system has no problem, and the exit code is 0", async () => {
  await startWorker("q", "1.0.0");
  expect(await problems()).toEqual([]);
  const { stdout, stderr } = await cli("doctor");
  expect(stderr).toBe("");
  for (const check of [
    "connection",
    "version",
    "eviction",
    "persistence",
    "memory",
    "clock",
    "worker versions",
    "janitors",
  ])
    expect(stdout).toMatch(new RegExp(`^ok +${check} `, "m"));
  expect(stdout).toMatch(/\nnothing wrong\n$/);
});

test("fault 1: a Redis that is too old", async () => {
  const old = await startFakeRedis({ redis_version: "6.2.14", maxmemory_policy: "noeviction" });
  const ended = await cli("--redis", old.url, "doctor", "--json");
  await old.stop();
  expect(ended.code).toBe(1);
  expect(findingsOf(ended)).toContainEqual(
    expect.objectContaining({ check: "version", verdict: "problem", remedy: expect.stringContaining("7.0") }),
  );
  expect(findingsOf(ended)).toContainEqual(
    expect.objectContaining({ check: "queues, workers", verdict: "skipped" }),
  );
});

test("fault 2: no append-only file", async () => {
  await redis.command("CONFIG SET appendonly no");
  expect(await problems()).toMatchObject([
    { check: "persistence", remedy: expect.stringContaining("appendonly yes") },
  ]);
});

test("fault 3: a policy that evicts tasks", async () => {
  await redis.command("CONFIG SET maxmemory-policy allkeys-lru");
  expect(await problems()).toMatchObject([
    {
      check: "eviction",
      detail: expect.stringContaining("allkeys-lru"),
      remedy: expect.stringContaining("noeviction"),
    },
  ]);
});

test("fault 4: Redis does not answer, or wants a password", async () => {
  await redis.command("CONFIG SET requirepass secret");
  expect(await problems()).toMatchObject([
    { check: "connection", remedy: expect.stringContaining("REDIS_PASSWORD") },
  ]);
  await redis.kill();
  expect(await problems()).toMatchObject([
    {
      check: "connection",
      detail: expect.stringContaining("cannot reach"),
      remedy: expect.stringContaining("start Redis"),
    },
  ]);
});

test.each([90_000, -90_000])("fault 5: a clock that is %i ms off", async (offMs) => {
  const shift = `const now = Date.now; Date.now = () => now() + (${offMs});`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(shift)}`;
  const running = start(["doctor", "--json"], { REDIS_URL: redis.url, NODE_OPTIONS });
  const ended = await running.ended;
  expect(ended.code).toBe(1);
  const found = findingsOf(ended).filter(({ verdict }) => verdict === "problem");
  expect(found).toMatchObject([
    {
      check: "clock",
      detail: expect.stringContaining(offMs > 0 ? "behind" : "ahead of"),
      remedy: expect.stringContaining("NTP"),
    },
  ]);
});

test("fault 6: workers of two versions", async () => {
  await startWorker("q", "1.0.0");
  await startWorker("q", "1.1.0");
  expect(await problems()).toMatchObject([
    { check: "worker versions", detail: expect.stringMatching(/1\.0\.0 \(1\).*1\.1\.0 \(1\)/) },
  ]);
});

test("fault 7: a silent worker", async () => {
  await startWorker("q", "1.0.0");
  const [record] = await client.registry.workers();
  if (!record) throw new Error("no worker");
  await client.registry.putWorker({ ...record, id: "old-one", heartbeatAt: Date.now() - 60_000 });
  expect(await problems()).toMatchObject([{ check: "workers", detail: expect.stringContaining("old-one") }]);
});

test("fault 8: tasks wait and no worker runs their queue, or it is paused", async () => {
  const queue = new Queue("lonely", { client });
  await queue.enqueue("ok", null);
  expect(await problems()).toMatchObject([
    { check: "queue lonely", detail: "1 task waits and no worker runs this queue" },
  ]);
  await new Observer({ client }).pause("lonely", "deploying");
  expect(await problems()).toMatchObject([
    { detail: expect.stringContaining("(deploying)"), remedy: "holdfast queue resume lonely" },
  ]);
});

test("fault 9: the number of dead letters grows", async () => {
  await startWorker("q", "1.0.0");
  await new Queue("q", { client }).enqueue("bad", null);
  const observer = new Observer({ client });
  await until("the task is dead", async () => (await observer.stats("q")).dead === 1);
  expect(await problems()).toMatchObject([
    {
      check: "queue q",
      detail: expect.stringContaining("1 in the last 10 minutes"),
      remedy: expect.stringContaining("errors ls q"),
    },
  ]);
});

test("fault 10: the memory is nearly full, or Redis is a replica", async () => {
  await redis.command("CONFIG SET maxmemory 1mb");
  expect(await problems()).toMatchObject([{ check: "memory", remedy: expect.stringContaining("maxmemory") }]);
  await redis.command("CONFIG SET maxmemory 0");
  await redis.command("REPLICAOF 127.0.0.1 1");
  expect(await problems()).toContainEqual(expect.objectContaining({ check: "role" }));
});

test("fault 11: no janitor runs, even if nothing is overdue", async () => {
  await janitor.stop();
  expect(await problems()).toEqual([]);
  const schedules = new Schedules({ client });
  await schedules.put("daily", { queue: "q", cron: "@daily", type: "bad" });
  const expected = { check: "janitors", remedy: expect.stringContaining("start the janitor service") };
  expect(await problems()).toMatchObject([expected]);
  const listed = await cli("schedule", "ls", "--json");
  expect(listed).toMatchObject({ code: 1, stderr: expect.stringContaining("no janitor runs") });
  expect(JSON.parse(listed.stdout)).toMatchObject([{ id: "daily" }]);
  const put = await cli("schedule", "put", "hourly", "q", "@hourly", "bad");
  expect(put).toMatchObject({ code: 0, stderr: expect.stringContaining("no janitor runs") });
  for (const id of ["daily", "hourly"]) await schedules.pause(id);
  expect(await cli("schedule", "ls")).toMatchObject({ code: 0, stderr: "" });
});

test("fault 12: a janitor runs, but does not move due tasks", async () => {
  const past = new Schedules({ client, clockMs: () => Date.now() - 40_000 });
  await janitor.stop();
  await past.put("often", { queue: "q", cron: "* * * * * *", type: "bad" });
  await client.connection.command("ZADD", "queue:{:system}:janitors", Date.now() + 60_000, "stuck");
  expect(await problems()).toMatchObject([
    {
      check: "schedules",
      detail: expect.stringMatching(
        /^schedule often has been due for (\d\ds|1m\d\ds): no janitor has run it$/,
      ),
    },
  ]);
  expect(await cli("schedule", "ls")).toMatchObject({ code: 1, stderr: expect.stringContaining("often") });
  janitor = new Janitor({ redis: redis.url });
  await janitor.start();
  await until("the schedule is in order", async () => (await cli("schedule", "ls")).code === 0);
});

test("on a Cluster every master is checked", async () => {
  const buses = [await freePort(), await freePort()];
  const nodes = await Promise.all(
    buses.map((bus, at) =>
      startRedisServer([
        ...["--cluster-enabled", "yes", "--cluster-port", String(bus)],
        ...["--appendonly", at === 0 ? "yes" : "no"],
      ]),
    ),
  );
  try {
    const [first, second] = nodes as [RedisServer, RedisServer];
    await first.command("CLUSTER ADDSLOTSRANGE 0 8191");
    await second.command("CLUSTER ADDSLOTSRANGE 8192 16383");
    await first.command(`CLUSTER MEET 127.0.0.1 ${second.port} ${buses[1]}`);
    const env = { REDIS_CLUSTER_NODES: `127.0.0.1:${first.port}` };
    const look = async () => findingsOf(await start(["doctor", "--json"], env).ended);
    await until(
      "the Cluster serves all slots",
      async () => (await look()).some(({ detail }) => detail === "2 masters, all slots are served"),
      25_000,
    );
    expect((await look()).filter(({ verdict }) => verdict === "problem")).toMatchObject([
      {
        check: "persistence",
        detail: expect.stringContaining(`127.0.0.1:${second.port}: Redis keeps no append-only`),
      },
    ]);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
});

test("the command reports data of a local Redis that every user can read, with a remedy", async () => {
  await client.connection.command("SET", "x", "1");
  const [, folder = ""] = await client.connection.command<string[]>("CONFIG", "GET", "dir");
  const told = async () =>
    findingsOf(await cli("doctor", "--json")).find(({ check }) => check === "files of Redis");
  chmodSync(folder, 0o700);
  expect(await told()).toMatchObject({ verdict: "ok" });
  chmodSync(folder, 0o755);
  expect(await told()).toMatchObject({
    verdict: "notice",
    detail: expect.stringContaining("appendonly"),
    remedy: expect.stringContaining(`chmod 700 ${folder}`),
  });
});
