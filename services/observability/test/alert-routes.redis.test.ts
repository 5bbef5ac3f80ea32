import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type AlertNotification, type AlertRule, wholeRule } from "@holdfast/contracts";
import type { AlertsReply } from "@holdfast/contracts/api";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { Holdfast, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Receiver } from "../../dispatcher/test/receiver.ts";
import { type Running, startRunning } from "./running.ts";

let running: Running;
let client: Holdfast;
let receiver: Receiver;
const keys: Record<string, string> = {};

beforeAll(async () => {
  receiver = await new Receiver().up();
  running = await startRunning({
    env: { ALERT_PRIVATE_HOSTS: "127.0.0.1", DASHBOARD_URL: "https://holdfast.example/q" },
    async beforeStart(redis) {
      client = new Holdfast({ redis: redis.url });
      for (const [name, spec] of Object.entries({
        viewer: { scopes: ["read"] },
        operator: { scopes: ["control"] },
        admin: { scopes: ["admin"] },
        limited: { scopes: ["admin"], queues: ["orders"] },
        other: { scopes: ["admin"], queues: ["other"] },
      } as const)) {
        const { key, text } = mintKey({ label: name, ...spec, scopes: [...spec.scopes] } as never);
        await new KeyStore(client).add(key);
        keys[name] = text;
      }
    },
  });
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => {
  await receiver?.down();
  await client?.close();
  await running?.stop();
});

const as = (who: string) => (method: string, path: string, body?: unknown) =>
  running.call(method, path, body, { authorization: `Bearer ${keys[who]}` });
const admin = as("admin");
const alerts = async (who = "admin") => (await as(who)("GET", "/v1/alerts")).json() as unknown as AlertsReply;

const rule = (changes: Partial<AlertRule> = {}): AlertRule =>
  wholeRule({
    when: { kind: "oldest_pending", aboveMs: 1_000 },
    ...{ queues: "orders", forMs: 0, targets: ["ops"], ...changes },
  });
const target = () => ({ kind: "webhook", url: `${receiver.url}path-secret`, secrets: [receiver.secret] });

test("a target is written, and no answer shows its URL or its secrets", async () => {
  const made = await admin("PUT", "/v1/alerts/targets/ops", target());
  expect(made.status).toBe(201);
  const host = new URL(receiver.url).host;
  expect(made.json()).toEqual({ name: "ops", kind: "webhook", host, updatedAt: expect.any(Number) });
  // The request names no URL and no secrets, so the stored ones stay.
  const again = await admin("PUT", "/v1/alerts/targets/ops", { kind: "webhook" });
  expect([again.status, again.json().host]).toEqual([200, host]);
  const tested = await admin("POST", "/v1/alerts/targets/ops/test");
  expect(tested.json()).toMatchObject({ outcome: "delivered", answer: "204", attempts: 1, target: "ops" });
  expect(receiver.received.at(-1)).toMatchObject({
    path: "/path-secret",
    body: { type: "alert.test", data: { rule: null, url: "https://holdfast.example/q/alerts" } },
  });
  const all = [made, again, tested, await admin("GET", "/v1/alerts")];
  all.push(await admin("GET", "/v1/alerts/notifications"), await admin("GET", "/v1/audit"));
  for (const { text } of all) {
    expect(text).not.toContain("path-secret");
    expect(text).not.toContain(receiver.secret);
  }
});

test("a target to which no message could be sent is refused, and the error names the field", async () => {
  const bad: [string, object][] = [
    ["/url", { kind: "slack" }],
    ["/url", { kind: "slack", url: "nonsense" }],
    ["/url", { kind: "slack", url: "ftp://hooks.example.com/" }],
    ["/url", { kind: "slack", url: "http://hooks.example.com/" }],
    ["/url", { kind: "slack", url: "https://user:pass@hooks.example.com/" }],
    ["/url", { kind: "slack", url: "https://10.0.0.1/" }],
    ["/url", { kind: "slack", url: "https://169.254.169.254/latest/meta-data" }],
    ["/url", { kind: "slack", url: "https://[::1]/" }],
    ["/secrets", { kind: "webhook", url: "https://hooks.example.com/" }],
    ["/secrets", { kind: "slack", url: "https://hooks.example.com/", secrets: [receiver.secret] }],
    ["/secrets/0", { kind: "webhook", url: "https://hooks.example.com/", secrets: ["short"] }],
  ];
  for (const [path, body] of bad) {
    const { status, text, json } = await admin("PUT", "/v1/alerts/targets/bad", body);
    expect([body, status, text]).toEqual([body, 422, expect.stringContaining('"invalid_argument"')]);
    expect([body, json().errors]).toMatchObject([body, [{ path }]]);
    expect(text).not.toContain("user:pass");
  }
  expect((await alerts()).targets.map(({ name }) => name)).toEqual(["ops"]);
});

test("a test shows what the target answered, and why it could not be reached", async () => {
  receiver.respond = (_received, response) => response.writeHead(403).end("invalid_token");
  const refused = await admin("POST", "/v1/alerts/targets/ops/test");
  receiver.respond = (_received, response) => response.writeHead(204).end();
  expect(refused.json()).toMatchObject({ outcome: "failed", answer: "403: invalid_token", attempts: 1 });
  const free = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => free.once("listening", resolve));
  const url = `http://127.0.0.1:${(free.address() as AddressInfo).port}/`;
  await new Promise((resolve) => free.close(resolve));
  await admin("PUT", "/v1/alerts/targets/gone", { kind: "slack", url });
  const gone = await admin("POST", "/v1/alerts/targets/gone/test");
  expect(gone.json()).toMatchObject({ outcome: "failed", answer: expect.stringContaining("ECONNREFUSED") });
  expect((await admin("DELETE", "/v1/alerts/targets/gone")).status).toBe(204);
  expect((await admin("DELETE", "/v1/alerts/targets/gone")).status).toBe(404);
  expect((await admin("POST", "/v1/alerts/targets/gone/test")).status).toBe(404);
});

test("a rule is written, fires with its figure, is muted, and is resolved", async () => {
  const unknown = await admin("PUT", "/v1/alerts/rules/old", rule({ targets: ["nobody"] }));
  expect([unknown.status, unknown.json().code]).toEqual([404, "not_found"]);
  const made = await admin("PUT", "/v1/alerts/rules/old", rule());
  expect(made.status).toBe(201);
  expect(made.json()).toMatchObject({ name: "old", state: "ok", since: null, alerts: [], mute: null });
  expect((await admin("PUT", "/v1/alerts/rules/old", rule({ repeatMs: 3_600_000 }))).status).toBe(200);
  expect((await admin("DELETE", "/v1/alerts/targets/ops")).status).toBe(409);

  const queue = new Queue("orders", { client });
  await queue.enqueue("t", 1, { id: "waits" });
  const before = receiver.received.length;
  await until("it fires", async () => (await alerts()).rules[0]?.state === "firing", 30_000);
  const { alerts: [alert] = [] } = (await alerts()).rules[0] ?? {};
  expect(alert).toMatchObject({ queue: "orders", state: "firing", since: expect.any(Number) });
  expect(alert?.value).toBeGreaterThan(1_000);
  await until("the message has arrived", () => receiver.received.length > before, 15_000);
  expect(receiver.received.at(-1)?.body).toMatchObject({ type: "alert.firing", data: { rule: "old" } });

  const muted = await as("operator")("POST", "/v1/alerts/rules/old/mute", { forMs: 60_000, reason: "known" });
  expect(muted.json().mute).toMatchObject({ by: "operator", reason: "known", until: expect.any(Number) });
  expect((await as("operator")("POST", "/v1/alerts/rules/old/unmute")).json().mute).toBeNull();
  await queue.cancel("waits");
  await until("it is resolved", () => receiver.received.at(-1)?.body.type === "alert.resolved", 30_000);
  expect((await alerts()).rules[0]).toMatchObject({ state: "ok", since: null });
  const { notifications } = (await admin("GET", "/v1/alerts/notifications?limit=2")).json() as unknown as {
    notifications: AlertNotification[];
  };
  expect(notifications.map(({ message, outcome }) => `${message.kind} ${outcome}`)).toEqual([
    ...["resolved delivered", "firing delivered"],
  ]);
});

test("a viewer reads, an operator mutes, and only an admin changes rules and targets", async () => {
  const calls: [string, string, unknown, string[]][] = [
    ["GET", "/v1/alerts", undefined, ["viewer", "operator", "admin"]],
    ["GET", "/v1/alerts/notifications", undefined, ["viewer", "operator", "admin"]],
    ["POST", "/v1/alerts/rules/old/mute", {}, ["operator", "admin"]],
    ["POST", "/v1/alerts/rules/old/unmute", undefined, ["operator", "admin"]],
    ["PUT", "/v1/alerts/rules/old", rule(), ["admin"]],
    ["PUT", "/v1/alerts/targets/ops", target(), ["admin"]],
    ["POST", "/v1/alerts/targets/ops/test", undefined, ["admin"]],
  ];
  for (const [method, path, body, may] of calls)
    for (const who of ["viewer", "operator", "admin"])
      expect([who, path, (await as(who)(method, path, body)).status < 300]).toEqual([
        who,
        path,
        may.includes(who),
      ]);
});

test("a key that is limited to some queues sees the rules and messages of these, may mute these rules, and changes none", async () => {
  await admin("PUT", "/v1/alerts/rules/all", rule({ queues: "*", forMs: 60_000 }));
  await admin("PUT", "/v1/alerts/rules/or-pattern", rule({ queues: "or*" }));
  const namesFor = async (who: string) => (await alerts(who)).rules.map(({ name }) => name);
  expect(await namesFor("limited")).toEqual(["all", "old", "or-pattern"]);
  expect(await namesFor("other")).toEqual(["all"]);
  expect((await alerts("limited")).targets).toEqual([]);
  const seen = (await as("other")("GET", "/v1/alerts/notifications")).json();
  expect(seen).toEqual({ notifications: [] });
  const limited = as("limited");
  expect((await limited("POST", "/v1/alerts/rules/old/mute", {})).status).toBe(200);
  expect((await limited("POST", "/v1/alerts/rules/all/mute", {})).status).toBe(403);
  expect((await as("other")("POST", "/v1/alerts/rules/old/mute", {})).status).toBe(404);
  expect((await limited("PUT", "/v1/alerts/rules/old", rule())).status).toBe(403);
  expect((await limited("DELETE", "/v1/alerts/rules/old")).status).toBe(403);
  expect((await limited("PUT", "/v1/alerts/targets/ops", target())).status).toBe(403);
  expect((await limited("POST", "/v1/alerts/targets/ops/test")).status).toBe(403);
});

test("every change, mute and test is in the audit log, and a deleted rule leaves nothing", async () => {
  expect((await admin("DELETE", "/v1/alerts/rules/old")).status).toBe(204);
  expect((await admin("DELETE", "/v1/alerts/rules/old")).status).toBe(404);
  const { records } = (await admin("GET", "/v1/audit?limit=100")).json() as {
    records: {
      action: string;
      subject: string | null;
      outcome: string;
      actor: string;
      queue: string | null;
    }[];
  };
  const lines = records.map(({ action, subject, outcome, queue }) =>
    [action, subject, outcome, queue].join(" "),
  );
  for (const line of [
    "alert_target.put ops succeeded ",
    "alert_target.put bad refused ",
    "alert_target.delete gone succeeded ",
    "alert.test ops succeeded ",
    "alert.test gone refused ",
    "alert.put old succeeded orders",
    "alert.put all succeeded ",
    "alert.mute old succeeded orders",
    "alert.unmute old succeeded orders",
    "alert.delete old succeeded orders",
  ])
    expect(lines).toContain(line);
  expect((await alerts()).rules.map(({ name }) => name)).toEqual(["all", "or-pattern"]);
});

test("a rule with values that make no sense is refused", async () => {
  for (const body of [
    {},
    rule({ when: { kind: "dead_letters", above: -1 } }),
    rule({ when: { kind: "failure_ratio", above: 1, windowMs: 60_000, minTasks: 1 } }),
    rule({ when: { kind: "failure_ratio", above: 0.5, windowMs: 1, minTasks: 1 } }),
    rule({ when: { kind: "no_workers", above: 1 } as never }),
    rule({ queues: "a{b}" }),
    rule({ forMs: -1 }),
    rule({ targets: ["ops", "ops"] }),
  ])
    expect([body, (await admin("PUT", "/v1/alerts/rules/wrong", body)).status]).toEqual([body, 422]);
});

test("a rule that says only what it watches gets the defaults that the dashboard has", async () => {
  const put = (name: string, body: object) => admin("PUT", `/v1/alerts/rules/${name}`, body);
  const defaults = {
    ...{ queues: "*", forMs: 60_000, keepFiringForMs: 0, repeatMs: 0, resolved: true, targets: [] },
  };
  const made = await put("bare", { when: { kind: "failure_ratio", above: 0.5 } });
  expect([made.status, made.json()]).toMatchObject([
    ...[201, { ...defaults, when: { kind: "failure_ratio", above: 0.5, windowMs: 300_000, minTasks: 20 } }],
  ]);
  const given = { when: { kind: "failure_ratio", above: 0.5, minTasks: 3 }, forMs: 0, targets: ["ops"] };
  expect((await put("bare", given)).json()).toMatchObject({
    ...{ ...defaults, ...given, when: { ...given.when, windowMs: 300_000 } },
  });
});
