import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { FatalError, Holdfast, Janitor, Observer, Queue, Worker } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newSecret, type Receiver } from "./receiver.ts";
import { newName, Systems } from "./setup.ts";

let redis: RedisServer;
let client: Holdfast;
let observer: Observer;
let janitor: Janitor;
const workers: Worker[] = [];
const systems = new Systems(() => redis);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  observer = new Observer({ client });
  // This janitor takes back the tasks of a dispatcher that was killed.
  janitor = new Janitor({ redis: redis.url, sweepIntervalMs: 100 });
  await janitor.start();
});
afterEach(async () => {
  await systems.clean();
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});
afterAll(async () => {
  await janitor?.stop();
  await client?.close();
  await redis?.stop();
});

const handlers = {
  ok: ({ payload }: { payload: unknown }) => payload,
  bad: () => {
    throw new FatalError("no");
  },
};

/** A queue that keeps events, with a worker, and a file whose webhook follows it. */
async function prepare(change: object = {}, maxEvents = 10_000) {
  const queue = new Queue(newName("orders"), { client });
  await queue.ready();
  if (maxEvents > 0) await observer.configure(queue.name, { maxEvents });
  const worker = new Worker(queue.name, handlers, { redis: redis.url });
  workers.push(worker);
  await worker.start();
  const receiver = await systems.receiver();
  const webhook = {
    name: "partner",
    url: receiver.url,
    queues: [queue.name],
    on: ["completed", "dead"],
    secrets: [{ env: "SECRET" }],
    allowPrivate: true,
    ...change,
  };
  const webhookQueue = newName("webhooks");
  const file = { webhooks: [webhook], webhookQueue };
  const deliveries = new Queue(webhookQueue, { client });
  const secret = { SECRET: receiver.secret, LEASE_MS: "1000" };
  const start = async (env: Record<string, string> = secret) => {
    const dispatcher = await systems.dispatcher(file, env);
    if (maxEvents > 0)
      await until("the webhook follows", async () =>
        (await dispatcher.metrics()).includes(
          `holdfast_webhook_following{webhook="partner",queue="${queue.name}"} 1`,
        ),
      );
    return dispatcher;
  };
  return { queue, receiver, webhook, file, deliveries, start };
}

const told = (receiver: Receiver) => new Set(receiver.received.map(({ body }) => body.data.id));

test("the ends of tasks are told, each one once, with its result or reason", async () => {
  const { queue, receiver, start, deliveries } = await prepare();
  const dispatcher = await start();
  const ok = await queue.enqueueText("ok", '{"n":12345}');
  const bad = await queue.enqueue("bad", 1);
  await until("both ends were told", () => receiver.received.length === 2);
  expect(receiver.refused).toEqual([]);
  const of = (id: string) => receiver.received.find(({ body }) => body.data.id === id);
  expect(of(ok.id)?.body).toEqual({
    type: "task.completed",
    timestamp: expect.stringMatching(/^20\d\d-.+Z$/),
    data: { queue: queue.name, id: ok.id, result: { n: 12345 } },
  });
  expect(of(bad.id)?.body).toMatchObject({
    type: "task.dead",
    data: { queue: queue.name, id: bad.id, reason: "fatal" },
  });
  expect(await deliveries.get(of(ok.id)?.id ?? "")).toMatchObject({
    type: "webhook.deliver",
    tags: ["partner"],
  });
  await until("the events are counted", async () =>
    (await dispatcher.metrics()).includes(
      `holdfast_webhook_events_total{webhook="partner",queue="${queue.name}"} 2`,
    ),
  );
});

test("the ends of flows are told with their outcome", async () => {
  const { queue, receiver, start } = await prepare({ on: ["flow.ended"] });
  await start();
  await queue.flow({ id: "good", nodes: [{ name: "a", type: "ok" }] });
  await queue.flow({ id: "bad", nodes: [{ name: "a", type: "bad" }] });
  await until("both ends were told", () => receiver.received.length === 2);
  const bodies = receiver.received.map(({ body }) => [body.type, body.data]);
  expect(bodies.sort(([, a], [, b]) => a.id.localeCompare(b.id))).toEqual([
    ["flow.ended", { queue: queue.name, id: "bad", outcome: "failed" }],
    ["flow.ended", { queue: queue.name, id: "good", outcome: "success" }],
  ]);
});

test("events while no dispatcher runs are told later, from the stored cursor on", async () => {
  const { queue, receiver, start } = await prepare();
  const first = await start();
  const before = await queue.enqueue("ok", 1);
  await until("the first end was told", () => told(receiver).has(before.id));
  first.service.child.kill("SIGTERM");
  expect(await first.service.exit()).toEqual({ code: 0, signal: null });
  const meanwhile = await Promise.all(Array.from({ length: 50 }, (_, n) => queue.enqueue("ok", n)));
  for (const { id } of meanwhile) await queue.result(id, { waitMs: 20_000 });
  await start();
  await until("all ends were told", () => meanwhile.every(({ id }) => told(receiver).has(id)));
  expect(receiver.received).toHaveLength(51);
});

test("a killed dispatcher and two at once tell each event once", async () => {
  const { queue, receiver, start } = await prepare();
  const first = await start();
  await start();
  const ids = new Set<string>();
  for (let n = 0; n < 200; n++) {
    ids.add((await queue.enqueue("ok", n)).id);
    if (n === 100) await first.service.kill();
  }
  await start();
  await until("all ends were told", () => [...ids].every((id) => told(receiver).has(id)));
  expect(told(receiver)).toEqual(ids);
  // A request that was under way at the kill is sent again, with the same webhook-id.
  expect(receiver.ids().size).toBe(200);
});

test("while the receiver is down its deliveries are retried, and those that died can be replayed", async () => {
  const { queue, receiver, start, deliveries } = await prepare({
    maxRetries: 1,
    backoff: { baseMs: 50, maxMs: 50 },
  });
  await start();
  await receiver.down();
  const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => queue.enqueue("ok", n)));
  await until("all deliveries are dead", async () => (await observer.stats(deliveries.name)).dead === 10);
  await receiver.up();
  const { tasks } = await observer.list(deliveries.name, { state: "dead" });
  await observer.replay(
    deliveries.name,
    tasks.map(({ id }) => id),
  );
  await until("all ends were told", () => ids.every(({ id }) => told(receiver).has(id)));
  expect(receiver.ids()).toEqual(new Set(tasks.map(({ id }) => id)));
});

test("a webhook-id stays the same over retries", async () => {
  const { queue, receiver, start } = await prepare({ backoff: { baseMs: 10, maxMs: 10 } });
  await start();
  let failures = 2;
  receiver.respond = (_received, response) => response.writeHead(failures-- > 0 ? 500 : 204).end();
  await queue.enqueue("ok", 1);
  await until("it was delivered", () => receiver.received.length === 3);
  expect(receiver.ids().size).toBe(1);
});

test("410 disables the webhook until a restart, and says so", async () => {
  const { queue, receiver, start, deliveries } = await prepare();
  const dispatcher = await start();
  receiver.respond = (_received, response) => response.writeHead(410).end();
  await queue.enqueue("ok", 1);
  await dispatcher.service.says("the webhook has answered 410, so it is disabled");
  expect(await dispatcher.metrics()).toContain('holdfast_webhook_disabled{webhook="partner"} 1');
  receiver.respond = (_received, response) => response.writeHead(204).end();
  const second = await queue.enqueue("ok", 2);
  await queue.result(second.id, { waitMs: 20_000 });
  const direct = await deliveries.enqueue("webhook.deliver", { type: "test" }, { tags: ["partner"] });
  expect(await deliveries.result(direct.id, { waitMs: 20_000 })).toMatchObject({
    state: "dead",
    deadReason: "fatal",
  });
  expect(receiver.received).toHaveLength(1);
  dispatcher.service.child.kill("SIGTERM");
  await dispatcher.service.exit();
  await start();
  await until("the second end was told", () => told(receiver).has(second.id));
});

test("a queue without events is named in the log and a metric, and followed once it keeps events", async () => {
  const { queue, receiver, start } = await prepare({}, 0);
  const dispatcher = await start();
  await dispatcher.service.says(`holdfast queue configure ${queue.name} --max-events 100000`);
  const following = `holdfast_webhook_following{webhook="partner",queue="${queue.name}"}`;
  expect(await dispatcher.metrics()).toContain(`${following} 0`);
  await observer.configure(queue.name, { maxEvents: 100 });
  await until("it follows", async () => (await dispatcher.metrics()).includes(`${following} 1`), 20_000);
  const { id } = await queue.enqueue("ok", 1);
  await until("the end was told", () => told(receiver).has(id));
});

test("a gap is logged and counted, and the events after it are told", async () => {
  const { queue, receiver, start } = await prepare({}, 1);
  const first = await start();
  await first.service.kill();
  // Redis removes old events only in whole nodes of a stream, which have up to 100 entries. So many events are
  // needed.
  for (let n = 0; n < 300; n++) await queue.enqueue("ok", n);
  await until("all tasks have ended", async () => (await observer.stats(queue.name)).totals.acked === 300);
  const dispatcher = await start();
  await dispatcher.service.says("events are missing");
  const { id } = await queue.enqueue("ok", "last");
  await until("the last end was told", () => told(receiver).has(id));
  const text = await dispatcher.metrics();
  expect(text).toContain(`holdfast_webhook_gaps_total{webhook="partner",queue="${queue.name}"} 1`);
  expect(text).toMatch(/holdfast_webhook_missed_events_total\{[^}]*\} [1-9]/);
});

test("a delivery for a webhook that the file does not have waits for a dispatcher that has it", async () => {
  const { start, deliveries } = await prepare();
  await start();
  const { id } = await deliveries.enqueue("webhook.deliver", { type: "test" }, { tags: ["newer"] });
  await until("it is postponed", async () => (await deliveries.get(id))?.state === "scheduled");
  expect(await deliveries.get(id)).toMatchObject({ attempts: 0 });
});

test("a 429 of one webhook holds only the deliveries of that webhook", async () => {
  const { queue, receiver, webhook, file, start } = await prepare();
  const other = await systems.receiver();
  file.webhooks.push({ ...webhook, name: "other", url: other.url, secrets: [{ env: "OTHER" }] });
  const secrets = { SECRET: receiver.secret, OTHER: other.secret };
  await start(secrets);
  receiver.respond = (_received, response) => response.writeHead(429, { "retry-after": "60" }).end();
  const first = await queue.enqueue("ok", 1);
  await until("the other was told", () => told(other).has(first.id));
  await until("the first has refused", () => receiver.received.length === 1);
  const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => queue.enqueue("ok", n)));
  await until("the other was told all", () => ids.every(({ id }) => told(other).has(id)));
  expect(receiver.received).toHaveLength(1);
});

test("a secret that is replaced loses no event", async () => {
  const { queue, receiver, webhook, file, start } = await prepare();
  const first = await start();
  const { id: one } = await queue.enqueue("ok", 1);
  await until("the first end was told", () => told(receiver).has(one));
  const [old, fresh] = [receiver.secret, newSecret()];
  first.service.child.kill("SIGTERM");
  await first.service.exit();
  file.webhooks = [{ ...webhook, secrets: [{ env: "FRESH" }, { env: "SECRET" }] }];
  await start({ SECRET: old, FRESH: fresh });
  const { id: two } = await queue.enqueue("ok", 2);
  await until("the second end was told", () => told(receiver).has(two));
  receiver.secret = fresh;
  const { id: three } = await queue.enqueue("ok", 3);
  await until("the third end was told", () => told(receiver).has(three));
  expect(receiver.refused).toEqual([]);
});
