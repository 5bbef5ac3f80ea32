import { type AlertRule, wholeRule } from "@holdfast/contracts";
import { createMetrics } from "@holdfast/service";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, type QueueStats } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Receiver } from "../../dispatcher/test/receiver.ts";
import { AlertMetrics } from "../src/alerts/alert-metrics.ts";
import { AlertEvaluator, type AlertStorePort } from "../src/alerts/evaluator.ts";
import { AlertSender } from "../src/alerts/sender.ts";
import { silent, statsOf } from "./fakes.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.stop());

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const WHEN = { kind: "dead_letters", above: 3 } as const;

let count = 0;
/** Makes a receiver of messages, and a store with its own keys whose target "ops" is that receiver. */
async function scene(rule: Partial<AlertRule> = {}) {
  count++;
  const client = new Holdfast({ redis: redis.url, prefix: `alerts${count}` });
  stops.push(() => client.close());
  const receiver = await new Receiver().up();
  stops.push(() => receiver.down());
  const { alerts } = client;
  await alerts.putTarget("ops", { kind: "webhook", url: receiver.url, secrets: [receiver.secret] });
  await alerts.putRule("dead", wholeRule({ when: WHEN, forMs: 0, targets: ["ops"], ...rule }));
  const told = () => receiver.received.map(({ body }) => `${body.type} ${namesIn(body)}`);
  return { client, alerts, receiver, told };
}

const namesIn = (body: { data: { queues: { queue: string }[] } }) =>
  body.data.queues.map(({ queue }) => queue).join(",");

/** Evaluates the rules of a client as a process of the service does. The test changes the queues. */
function process(store: AlertStorePort, options: { privateHosts?: string[] } = {}) {
  const metrics = createMetrics({ service: "observability", version: "0.0.0" });
  const sender = new AlertSender({
    source: { environment: null, redisName: () => null, dashboardUrl: null },
    privateHosts: options.privateHosts ?? ["127.0.0.1"],
    timeoutMs: 500,
  });
  const evaluator = new AlertEvaluator({
    ...{ store, sender, metrics: new AlertMetrics(metrics), logger: silent },
    ...{ series: { points: () => [] }, everyMs: 20, leaseMs: 1_000 },
  });
  const self = {
    queues: [] as QueueStats[],
    looks: 0,
    metrics: async () => (await metrics.read(undefined)).text,
    /** Stops without handing the rules over, like a process that is killed. */
    kill: () => clearInterval(timer),
    /** Waits until the rules were evaluated several more times. */
    async someLooks() {
      const before = self.looks;
      await until("there were more looks", () => self.looks > before + 10);
    },
  };
  const timer = setInterval(() => {
    self.looks++;
    evaluator.take({ at: 1, sampledAt: 1, redisUp: true, queues: self.queues, workers: [] });
  }, 20);
  stops.push(async () => {
    clearInterval(timer);
    await evaluator.stop();
  });
  return self;
}

const dead = (queue: string, count: number) => statsOf(queue, { dead: count });

test("an alert sends one message when it fires and one when it ends", async () => {
  const { alerts, receiver, told } = await scene();
  const one = process(alerts);
  one.queues = [dead("orders", 3)];
  await one.someLooks();
  expect(told()).toEqual([]);
  one.queues = [dead("orders", 4)];
  await until("it fires", () => told().length === 1, 15_000);
  one.queues = [dead("orders", 7)];
  await one.someLooks();
  one.queues = [dead("orders", 0)];
  await until("it is resolved", () => told().length === 2, 15_000);
  expect(told()).toEqual(["alert.firing orders", "alert.resolved orders"]);
  expect(receiver.refused).toEqual([]);
  const [first, second] = receiver.received;
  expect(first?.body.data).toMatchObject({
    ...{ rule: "dead", condition: { kind: "dead_letters", above: 3 }, repeated: false },
    queues: [{ queue: "orders", value: 4 }],
  });
  expect(first?.id).not.toBe(second?.id);
  expect(first?.headers["user-agent"]).toBe("holdfast-alerts");
  await until("both are kept", async () => (await alerts.notifications(10)).every(({ endedAt }) => endedAt));
  expect(await alerts.notifications(10)).toMatchObject([
    { id: second?.id, outcome: "delivered", attempts: 1, answer: "204", target: "ops" },
    { id: first?.id, outcome: "delivered", attempts: 1, answer: "204" },
  ]);
});

test("a message is sent again with its id after a 500 and after a time-out, and the next ones wait for it", async () => {
  const { alerts, receiver, told } = await scene();
  const answers = [500, null, 204, 204];
  receiver.respond = (_received, response) => {
    const status = answers.shift();
    if (status) response.writeHead(status).end("the database is away");
  };
  const one = process(alerts);
  one.queues = [dead("orders", 4)];
  await until("the first attempt has failed", async () => {
    const [notification] = await alerts.notifications(1);
    return notification?.attempts === 1;
  });
  expect(await alerts.notifications(1)).toMatchObject([
    { outcome: "waiting", answer: "500: the database is away", nextAt: expect.any(Number) },
  ]);
  one.queues = [];
  await until("both were sent", () => receiver.received.length === 4, 30_000);
  expect(told()).toEqual([
    ...["alert.firing orders", "alert.firing orders", "alert.firing orders", "alert.resolved orders"],
  ]);
  expect(receiver.ids().size).toBe(2);
  expect(await one.metrics()).toContain('holdfast_alert_deliveries_total{target="ops",outcome="failed"} 2');
  expect(await one.metrics()).toContain('holdfast_alert_messages_lost_total{target="ops"} 0');
});

test("an answer that no retry can change ends the message, and is shown", async () => {
  const { alerts, receiver } = await scene();
  receiver.respond = (_received, response) => response.writeHead(404).end("no such\nhook");
  const one = process(alerts);
  one.queues = [dead("orders", 4)];
  await until(
    "it was given up",
    async () => (await alerts.notifications(1))[0]?.outcome === "failed",
    15_000,
  );
  expect(await alerts.notifications(1)).toMatchObject([
    { outcome: "failed", attempts: 1, nextAt: null, answer: "404: no such hook" },
  ]);
  expect(await one.metrics()).toContain('holdfast_alert_messages_lost_total{target="ops"} 1');
  expect(await one.metrics()).toContain('holdfast_alerts_firing{rule="dead"} 1');
});

test("a message never reaches an address that is not public and not allowed", async () => {
  const { alerts, receiver } = await scene();
  const one = process(alerts, { privateHosts: ["127.0.0.1:1"] });
  one.queues = [dead("orders", 4)];
  await until(
    "it was given up",
    async () => (await alerts.notifications(1))[0]?.outcome === "failed",
    15_000,
  );
  expect(await alerts.notifications(1)).toMatchObject([
    { outcome: "failed", answer: expect.stringContaining("ALERT_PRIVATE_HOSTS") },
  ]);
  expect(receiver.received).toEqual([]);
});

test("of two processes only one sends the messages, and the other one takes over when it is killed", async () => {
  const { client, alerts, told, receiver } = await scene();
  const other = new Holdfast({ redis: redis.url, prefix: client.prefix });
  stops.push(() => other.close());
  const [a, b] = [process(alerts), process(other.alerts)];
  const change = (...queues: QueueStats[]) => {
    a.queues = queues;
    b.queues = queues;
  };
  change(dead("orders", 4));
  await until("it fires", () => told().length === 1, 15_000);
  await Promise.all([a.someLooks(), b.someLooks()]);
  expect(told()).toEqual(["alert.firing orders"]);
  const isOwner = async (one: typeof a) => (await one.metrics()).includes('alerts_firing{rule="dead"} 1');
  const [owner, standby] = (await isOwner(a)) ? [a, b] : [b, a];
  expect(await isOwner(standby)).toBe(false);

  // The change is decided and stored. Then the process dies before the receiver has answered.
  let released = () => {};
  receiver.respond = () => new Promise<void>((resolve) => (released = resolve));
  change();
  await until("the end is being sent", () => told().length === 2, 15_000);
  owner.kill();
  receiver.respond = (_received, response) => response.writeHead(204).end();
  await until("the other process has sent it", () => told().length === 3, 30_000);
  released();
  expect(told().slice(1)).toEqual(["alert.resolved orders", "alert.resolved orders"]);
  expect(receiver.ids().size).toBe(2);
  change(dead("mail", 9));
  await until("the message about the next change has arrived", () => told().length === 4, 15_000);
  await standby.someLooks();
  expect(told().slice(3)).toEqual(["alert.firing mail"]);
});

test("a process that stops hands the rules over at once", async () => {
  const { alerts } = await scene();
  const now = async (owner: string, leaseMs: number) => (await alerts.turn(owner, leaseMs)).isOwner;
  expect(await now("a", 60_000)).toBe(true);
  expect(await now("b", 60_000)).toBe(false);
  expect(await now("b", 0)).toBe(false);
  expect(await now("b", 60_000)).toBe(false);
  expect(await now("a", 0)).toBe(false);
  expect(await now("b", 60_000)).toBe(true);
  expect(await alerts.write("a", { state: { rule: "dead", state: {} } })).toBe(false);
  expect(await alerts.write("b", { state: { rule: "dead", state: {} } })).toBe(true);
});

test("as long as there is no rule and no target, a process only asks for them, once in five seconds", async () => {
  const { client } = await scene();
  const store = client.alerts;
  await store.deleteRule("dead");
  await store.deleteTarget("ops");
  const calls: string[] = [];
  const noting = new Proxy(store, {
    get(target, name) {
      const method = target[name as keyof typeof store];
      return (...args: never[]) => {
        calls.push(String(name));
        return (method as (...args: never[]) => unknown).apply(target, args);
      };
    },
  });
  const one = process(noting);
  one.queues = [dead("orders", 4)];
  await until("it has found nothing", () => calls.length > 0);
  await one.someLooks();
  // The process reads once, because there was a rule before. It forgets the deleted rule, and gives its lease up.
  expect(calls).toEqual(["revision", "turn", "read", "write", "turn", "turn"]);
  await until("it asks again", () => calls.length > 6, 15_000);
  expect(calls.slice(6)).toEqual(["revision"]);
});

test("if a rule is deleted while it fires, its end is told once, also by a process that takes over", async () => {
  const { alerts, receiver, told } = await scene();
  const rule = { when: WHEN, forMs: 0, targets: ["ops"] };
  await alerts.putRule("quiet", wholeRule({ ...rule, resolved: false }));
  const one = process(alerts);
  one.queues = [dead("orders", 4)];
  await until("both rules fire", () => told().length === 2, 15_000);
  one.kill();
  await alerts.deleteRule("dead");
  await alerts.deleteRule("quiet");
  expect((await alerts.read()).deleted.map(({ name }) => name).sort()).toEqual(["dead", "quiet"]);
  const next = process(alerts);
  next.queues = [dead("orders", 7)];
  await until("the end is told", () => told().length === 3, 30_000);
  await next.someLooks();
  expect(told().slice(2)).toEqual(["alert.resolved orders"]);
  expect(receiver.received.at(-1)?.body.data).toMatchObject({ rule: "dead", queues: [{ value: 7 }] });
  expect(await alerts.read()).toMatchObject({ rules: [], deleted: [], waiting: [] });
  // A new rule with the same name starts without the state of the old one.
  await alerts.putRule("dead", wholeRule(rule));
  await until("it fires again", () => told().length === 4, 15_000);
  expect(told().slice(3)).toEqual(["alert.firing orders"]);
});

test("a muted rule sends nothing until the mute is over", async () => {
  const { alerts, told } = await scene();
  await alerts.mute("dead", { by: "ada", at: Date.now(), until: null, reason: null });
  const one = process(alerts);
  one.queues = [dead("orders", 4)];
  await until("it fires", async () => "orders" in ((await alerts.read()).rules[0]?.state ?? {}));
  await one.someLooks();
  expect(told()).toEqual([]);
  await alerts.mute("dead", { by: "ada", at: Date.now(), until: Date.now() - 1, reason: null });
  await until("the message has arrived", () => told().length === 1, 15_000);
});

test("if too many messages wait for one target, the oldest ones are dropped and shown as dropped", async () => {
  const { alerts, receiver } = await scene({ repeatMs: 1, resolved: false });
  receiver.respond = (_received, response) => response.writeHead(500).end();
  const one = process(alerts);
  one.queues = [dead("orders", 4)];
  await until(
    "some were dropped",
    async () => (await alerts.notifications(500)).some(({ outcome }) => outcome === "dropped"),
    50_000,
  );
  one.kill();
  const waiting = (await alerts.notifications(500)).filter(({ outcome }) => outcome === "waiting");
  expect(waiting.length).toBeLessThanOrEqual(110);
});
