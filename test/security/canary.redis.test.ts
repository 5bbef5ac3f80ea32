import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SecuredStack, startSecuredStack } from "./secured-stack.ts";

// The test puts secrets into every input, and then searches for them in every output of a full run.
const PASSWORD = "canary-redis-password-5f1c";
const SESSION_SECRET = "canary-session-secret-93ab-0123456789";
const HEADER = "canary-header-77d2";
const PAYLOAD = "canary-payload-c0ffee";
const NUMBER = "4929130020415581";

let stack: SecuredStack;
let folder: string;
const metricsPorts: number[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-canary-"));
  const handlers = join(folder, "handlers.mjs");
  writeFileSync(
    handlers,
    `export const handlers = {
      "card.charge": async (task, context) => {
        await context.progress("charging " + task.payload.card.number);
        await context.log("of " + task.payload.card.holder);
        return { charged: true, card: task.payload.card };
      },
      "card.cut": async (task, context) => {
        await context.log("y".repeat(task.payload.pad) + task.payload.card.number);
        throw new Error("x".repeat(task.payload.pad) + task.payload.card.number);
      },
      "card.fail": async (task) => { throw new Error("refused: " + task.payload.card.number + " of " + task.payload.card.holder); },
    };\n`,
  );
  stack = await startSecuredStack({
    redisArgs: ["--requirepass", PASSWORD],
    env: { LOG_LEVEL: "trace", SESSION_SECRET, MASKED_POINTERS: "/card/*, /card" },
    password: PASSWORD,
  });
  for (const [name, env] of Object.entries({
    worker: { HANDLERS: handlers, QUEUES: "shop", LEASE_MS: "1000" },
    janitor: { AUDIT_INTERVAL_MS: "1000" },
  })) {
    const port = await freePort();
    metricsPorts.push(port);
    stack.start(name, { ...env, METRICS_PORT: String(port) });
  }
}, 180_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("no secret is in a log, an error, a metric, or an answer to a viewer", async () => {
  const admin = await stack.key({ label: "admin", scopes: ["admin"] });
  const viewer = await stack.key({ label: "viewer", scopes: ["read"] });
  const headers = (key: string) => ({
    authorization: `Bearer ${key}`,
    "x-canary": HEADER,
    cookie: `a=${HEADER}`,
  });
  const tasks = `${stack.api}/v1/queues/shop/tasks`;
  const card = { number: NUMBER, holder: PAYLOAD };
  const enqueue = (body: object) =>
    fetch(tasks, {
      method: "POST",
      headers: { ...headers(admin.text), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect((await enqueue({ type: "card.charge", id: "paid", payload: { card, n: 1 } })).status).toBe(201);
  expect((await enqueue({ type: "card.fail", id: "failed", payload: { card }, maxRetries: 0 })).status).toBe(
    201,
  );
  // Errors and log lines are cut at 1,024 characters. With each of these fillers, the cut is at another place in the
  // secret number.
  const pads = Array.from({ length: 8 }, (_, at) => 985 + 5 * at);
  for (const pad of pads) {
    const cut = { type: "card.cut", id: `cut-${pad}`, payload: { card, pad }, maxRetries: 0 };
    expect((await enqueue(cut)).status).toBe(201);
  }
  const later = { type: "card.charge", id: "later", payload: { card }, delayMs: 3_600_000 };
  expect((await enqueue(later)).status).toBe(201);
  const stateOf = async (id: string) => {
    const answer = await fetch(`${tasks}/${id}?waitMs=5000`, { headers: headers(admin.text) });
    return ((await answer.json()) as { state: string }).state;
  };
  await until("the paid task is completed", async () => (await stateOf("paid")) === "completed", 30_000);
  await until("the failed task is dead", async () => (await stateOf("failed")) === "dead", 30_000);
  for (const pad of pads)
    await until("the task is dead", async () => (await stateOf(`cut-${pad}`)) === "dead", 30_000);

  const outputs = new Map<string, string>();
  // The error about an invalid body may quote this body, but nothing else.
  const broken = [
    `{"type":"t","payload":{"card":"${PAYLOAD}"`,
    `{"type":"${PAYLOAD} ","payload":1}`,
    `{"type":"t","payload":"${PAYLOAD}","priority":"${PAYLOAD}","x":1}`,
  ];
  for (const [index, body] of broken.entries()) {
    for (const base of [stack.api, stack.observability]) {
      const answer = await fetch(`${base}/v1/queues/shop/tasks`, {
        method: "POST",
        headers: { ...headers(admin.text), "content-type": "application/json" },
        body,
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      outputs.set(`error ${index} of ${base}`, await answer.text());
    }
  }
  const wrong = `${viewer.text.slice(0, -3)}abc`;
  const refused = await fetch(`${stack.observability}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: stack.observability },
    body: JSON.stringify({ key: wrong }),
  });
  outputs.set("refused log-in", await refused.text());

  const visit = async (key: string, who: string, seen: Map<string, string>) => {
    for (const { method, base, path, scope } of await stack.operations()) {
      if (method !== "GET" || scope !== "read") continue;
      for (const id of path.includes("{id}")
        ? ["paid", "failed", "later", ...pads.map((pad) => `cut-${pad}`)]
        : [""]) {
        for (const state of /\/tasks(\/export)?$/.test(path) ? ["completed", "dead", "scheduled"] : [""]) {
          const url = path.replace("{queue}", "shop").replace("{id}", id) + (state && `?state=${state}`);
          const answer = await fetch(base + url, { headers: headers(key) });
          seen.set(`${who} ${url} of ${base}`, await answer.text());
        }
      }
    }
  };
  await visit(viewer.text, "viewer", outputs);
  // A search must not reveal masked text, so it finds only text that is visible.
  for (const [q, count] of [
    [PAYLOAD, 0],
    [NUMBER.slice(0, 8), 0],
    ['"n":1', 1],
    ["paid", 1],
  ] as const) {
    const query = new URLSearchParams({ state: "completed", q, limit: "1" });
    const answer = await fetch(`${stack.observability}/v1/queues/shop/tasks?${query}`, {
      headers: headers(viewer.text),
    });
    const page = (await answer.json()) as { tasks: unknown[]; scanned: number };
    expect([q, page.tasks.length, page.scanned]).toEqual([q, count, 1]);
  }
  for (const [index, port] of metricsPorts.entries())
    outputs.set(`metrics ${index}`, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  for (const base of [stack.api, stack.observability])
    outputs.set(`metrics of ${base}`, await (await fetch(`${base}/metrics`)).text());
  for (const [name, service] of Object.entries(stack.processes))
    outputs.set(`log of ${name}`, service.output());

  const secrets = [
    PASSWORD,
    SESSION_SECRET,
    HEADER,
    PAYLOAD,
    NUMBER,
    // After a cut, not even the beginning of a secret may be visible.
    `x${NUMBER.slice(0, 2)}`,
    `y${NUMBER.slice(0, 2)}`,
    admin.text.slice(-43),
    viewer.text.slice(-43),
  ];
  secrets.push(wrong.slice(-43));
  const leaks = [...outputs].flatMap(([where, text]) =>
    secrets.filter((secret) => text.includes(secret)).map((secret) => `${secret} in ${where}`),
  );
  expect(leaks).toEqual([]);
  expect(outputs.size).toBeGreaterThan(25);
  // An admin sees the secrets. This shows that the searches above would have found them.
  const seen = new Map<string, string>();
  await visit(admin.text, "admin", seen);
  const whole = [...seen].filter(([, text]) => text.includes(PAYLOAD) && text.includes(NUMBER));
  expect(whole.length).toBeGreaterThan(4);
  const masked = [...outputs].filter(([, text]) => text.includes('{\\"card\\":\\"***\\"'));
  expect(masked.length).toBeGreaterThan(4);
}, 180_000);
