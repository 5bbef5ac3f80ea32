import { fileURLToPath } from "node:url";
import { freePort, type ServiceProcess, startRedisServer, startService, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterEach, expect, test } from "vitest";
import { Receiver } from "../../dispatcher/test/receiver.ts";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Makes dead letters without a worker: acquires tasks through the engine and fails them. */
async function deadLetters(client: Holdfast, name: string, count: number): Promise<void> {
  const queue = new Queue(name, { client });
  const engine = client.engine(name);
  for (let from = 0; from < count; from += 500) {
    const tasks = Array.from({ length: 500 }, (_, i) => ({
      type: "t",
      payload: from + i,
      id: `id-${from + i}`,
    }));
    await queue.enqueueMany(tasks);
    const base = { held: 0, leaseMs: 60_000, maxRetries: 0, workerId: "w", nonce: "n", noHandlerAfterMs: 1 };
    const { grants } = await engine.acquire({ ...base, want: 500 });
    const fatal = grants.map(({ id, fence }) => ({ kind: "fatal" as const, id, fence, error: "Error: no" }));
    await engine.settle(fatal, { ...base, want: 0 });
  }
}

async function start(redisUrl: string, env: Record<string, string> = {}) {
  const port = await freePort();
  const service: ServiceProcess = startService(MAIN, {
    PATH: process.env.PATH ?? "",
    REDIS_URL: redisUrl,
    OBSERVABILITY_PORT: String(port),
    DASHBOARD_DIR: "/nonexistent",
    ...env,
  });
  stops.push(() => service.kill());
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until("observability is ready", isReady, 30_000);
  const call = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, {
      ...init,
      headers: { "content-type": "application/json" },
    });
    return (await response.json()) as {
      id: string;
      state: string;
      done: number;
      total: number;
      result: object;
    };
  };
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  return { service, call, metrics };
}

test.each(["SIGKILL", "SIGTERM"] as const)(
  "a replay of 10,000 tasks that %s interrupts is finished after a restart, and moves each task once",
  async (signal) => {
    const redis = await startRedisServer();
    stops.push(() => redis.stop());
    const client = new Holdfast({ redis: redis.url });
    stops.push(() => client.close());
    const observer = new Observer({ client });
    await deadLetters(client, "q", 10_000);
    expect(await observer.stats("q")).toMatchObject({ dead: 10_000, pending: 0 });

    const first = await start(redis.url);
    const { id } = await first.call("/v1/queues/q/dead-letters/replay", {
      all: true,
      // This rate is so low that the kill comes in the middle of the operation.
      ratePerSecond: 4_000,
    });
    await until(
      "the replay is in the middle",
      async () => (await observer.stats("q")).pending > 1_000,
      30_000,
    );
    first.service.child.kill(signal);
    await first.service.exit();
    const { pending } = await observer.stats("q");
    expect(pending).toBeLessThan(10_000);

    const second = await start(redis.url);
    await until(
      "the operation has ended",
      async () => (await second.call(`/v1/operations/${id}`)).state === "succeeded",
      60_000,
    );
    expect(await second.call(`/v1/operations/${id}`)).toMatchObject({
      done: 10_000,
      total: 10_000,
      result: { replayed: 10_000, skipped: 0 },
    });
    expect(await observer.stats("q")).toMatchObject({
      dead: 0,
      pending: 10_000,
      totals: { replayed: 10_000 },
    });
    const generations = new Map<string, number>();
    for (let cursor: string | undefined; ; ) {
      const page = await observer.list("q", { state: "pending", limit: 100, ...(cursor ? { cursor } : {}) });
      for (const task of page.tasks) generations.set(task.id, task.generation);
      if (page.cursor === null) break;
      cursor = page.cursor;
    }
    expect(generations.size).toBe(10_000);
    expect(new Set(generations.values())).toEqual(new Set([1]));
    expect((await observer.audit("q")).violations).toEqual([]);
  },
  120_000,
);

test("if the process that sends an alert is killed, another one sends it, and no change is lost", async () => {
  const redis = await startRedisServer();
  stops.push(() => redis.stop());
  const client = new Holdfast({ redis: redis.url });
  stops.push(() => client.close());
  const receiver = await new Receiver().up();
  stops.push(() => receiver.down());
  const told = () => receiver.received.map(({ body }) => body.type);
  const env = { ALERT_PRIVATE_HOSTS: "127.0.0.1" };
  const processes = [await start(redis.url, env), await start(redis.url, env)];
  const { alerts } = client;
  await alerts.putTarget("ops", { kind: "webhook", url: receiver.url, secrets: [receiver.secret] });
  const rule = { queues: "*", forMs: 0, keepFiringForMs: 0, repeatMs: 0, resolved: true, targets: ["ops"] };
  await alerts.putRule("dead", { when: { kind: "dead_letters", above: 0 }, ...rule });

  // The receiver gets the message, and the process is killed before it gets the answer.
  const held: (() => void)[] = [];
  receiver.respond = () => new Promise<void>((resolve) => held.push(resolve));
  await deadLetters(client, "q", 500);
  await until("the alert is being sent", () => told().length > 0, 30_000);
  const firing = await Promise.all(
    processes.map(async ({ metrics }) => (await metrics()).includes('holdfast_alerts_firing{rule="dead"} 1')),
  );
  expect(firing.filter(Boolean)).toHaveLength(1);
  const owner = processes[firing.indexOf(true)];
  owner?.service.child.kill("SIGKILL");
  await owner?.service.exit();
  receiver.respond = (_received, response) => response.writeHead(204).end();
  for (const release of held) release();
  // The condition ends while nobody evaluates the rules.
  await new Observer({ client }).discardAll("q");

  await until("the message about the end has arrived", () => told().includes("alert.resolved"), 60_000);
  expect(receiver.ids().size).toBe(2);
  // The first message is sent again, with the same id, before the second one.
  expect([...new Set(told())]).toEqual(["alert.firing", "alert.resolved"]);
  expect(told().filter((type) => type === "alert.firing").length).toBeGreaterThan(1);
  await until("both are kept as delivered", async () => {
    const kept = await alerts.notifications(10);
    return kept.length === 2 && kept.every(({ outcome }) => outcome === "delivered");
  });
}, 120_000);
