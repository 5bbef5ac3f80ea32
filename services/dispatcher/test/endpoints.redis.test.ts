import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newSecret, type Receiver, signedReport } from "./receiver.ts";
import { newName, Systems } from "./setup.ts";

let redis: RedisServer;
let client: Holdfast;
const systems = new Systems(() => redis);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});
afterEach(() => systems.clean());
afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

const endpointOf = (receiver: Receiver, queue: string, change: object = {}) => ({
  name: "shop",
  url: receiver.url,
  queue,
  types: ["order.*"],
  secrets: [{ env: "SECRET" }],
  allowPrivate: true,
  ...change,
});

async function setup(change: object = {}, env: Record<string, string> = {}) {
  const queue = new Queue(newName("orders"), { client });
  const receiver = await systems.receiver();
  const file = { endpoints: [endpointOf(receiver, queue.name, change)] };
  const dispatcher = await systems.dispatcher(file, { SECRET: receiver.secret, ...env });
  const settle = (id: string, report: RequestInit) =>
    fetch(`${dispatcher.url}/v1/endpoints/shop/tasks/${id}/settle`, report);
  return { queue, receiver, dispatcher, settle, file };
}

const ended = (queue: Queue, id: string) => queue.result(id, { waitMs: 20_000 });

test("a task is sent as a signed request, and the JSON answer is its result", async () => {
  const { queue, receiver, dispatcher } = await setup();
  receiver.respond = (_received, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"total": 12345678901234567890}');
  const payload = '{"n":12345678901234567890}';
  const { id } = await queue.enqueueText("order.paid", payload, { tags: ["eu"] });
  expect(await ended(queue, id)).toMatchObject({
    state: "completed",
    resultText: '{"total": 12345678901234567890}',
  });
  expect(receiver.refused).toEqual([]);
  expect(receiver.received).toHaveLength(1);
  const [{ id: webhookId, headers, body }] = receiver.received as [(typeof receiver.received)[0]];
  expect(webhookId).toBe(id);
  expect(headers["content-type"]).toBe("application/json");
  expect(body).toMatchObject({ id, queue: queue.name, type: "order.paid", attempt: 1, tags: ["eu"] });
  expect(body.token).toMatch(/^\d+-/);
  const text = await dispatcher.metrics();
  expect(text).toContain('holdfast_deliveries_total{to="shop",outcome="completed"} 1');
  expect(text).toContain(
    `holdfast_task_attempts_total{queue="${queue.name}",type="order.paid",outcome="acked"} 1`,
  );
});

test("4xx and 410 are fatal, 5xx and a redirect are retried, and the redirect is not followed", async () => {
  const { queue, receiver, dispatcher } = await setup({ maxRetries: 1, backoff: { baseMs: 1, maxMs: 1 } });
  const stranger = await systems.receiver();
  receiver.respond = ({ body: { payload } }, response) =>
    response.writeHead(payload, { location: stranger.url }).end("because");
  const end = async (status: number) => {
    const { id } = await queue.enqueue("order.paid", status);
    const task = await ended(queue, id);
    return [task?.state, task?.attempts, task?.deadReason];
  };
  expect(await end(422)).toEqual(["dead", 1, "fatal"]);
  expect(await end(410)).toEqual(["dead", 1, "fatal"]);
  expect(await end(500)).toEqual(["dead", 2, "retries_exhausted"]);
  expect(await end(307)).toEqual(["dead", 2, "retries_exhausted"]);
  expect(stranger.received.length + stranger.refused.length).toBe(0);
  expect(await dispatcher.metrics()).toContain('holdfast_deliveries_total{to="shop",outcome="gone"} 1');
});

test("429 with Retry-After holds the type, and costs no attempt", async () => {
  const { queue, receiver } = await setup({ maxRetries: 0, concurrency: 1 });
  let refusals = 1;
  receiver.respond = (_received, response) =>
    refusals-- > 0 ? response.writeHead(429, { "retry-after": "1" }).end() : response.writeHead(204).end();
  const first = await queue.enqueue("order.paid", 1);
  const second = await queue.enqueue("order.paid", 2);
  const began = performance.now();
  expect(await ended(queue, first.id)).toMatchObject({ state: "completed", attempts: 1 });
  expect(await ended(queue, second.id)).toMatchObject({ state: "completed", attempts: 1 });
  expect(performance.now() - began).toBeGreaterThan(900);
  expect(receiver.received).toHaveLength(3);
});

test("while the receiver is down nothing is lost, and what died meanwhile can be replayed", async () => {
  const { queue, receiver } = await setup({ maxRetries: 1, backoff: { baseMs: 50, maxMs: 50 } });
  await receiver.down();
  const lasting = { maxRetries: 100, backoff: { kind: "fixed" as const, baseMs: 100 } };
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, n) => queue.enqueue("order.paid", n, n < 10 ? lasting : {})),
  );
  const dies = ids.slice(10).map(({ id }) => id);
  for (const id of dies) expect(await ended(queue, id)).toMatchObject({ state: "dead" });
  await receiver.up();
  const observer = new Observer({ client });
  await observer.replay(queue.name, dies);
  for (const { id } of ids) expect(await ended(queue, id)).toMatchObject({ state: "completed" });
  expect(receiver.ids()).toEqual(new Set(ids.map(({ id }) => id)));
});

test("an endpoint that does not answer in time costs an attempt", async () => {
  const { queue, receiver } = await setup({ timeoutMs: 200, maxRetries: 0 });
  receiver.respond = () => {};
  const { id } = await queue.enqueue("order.paid", 1);
  const task = await ended(queue, id);
  expect(task).toMatchObject({ state: "dead", attempts: 1 });
  expect(JSON.stringify(task)).toContain("did not answer within 200 ms");
});

test("an answer that is too long is not read to its end, and the task is completed without a result", async () => {
  const { queue, receiver } = await setup();
  receiver.respond = (_received, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(`"${"x".repeat(10_000_000)}"`);
  const { id } = await queue.enqueue("order.paid", 1);
  expect(await ended(queue, id)).toMatchObject({ state: "completed" });
  expect((await queue.get(id))?.resultText).toBeNull();
});

test("a name that resolves to a private address is refused before a connection is opened", async () => {
  const receiver = await systems.receiver();
  const queue = new Queue(newName("orders"), { client });
  const url = receiver.url.replace("http://127.0.0.1", "https://localhost");
  const file = { endpoints: [endpointOf(receiver, queue.name, { url, allowPrivate: false, maxRetries: 0 })] };
  await systems.dispatcher(file, { SECRET: receiver.secret });
  const { id } = await queue.enqueue("order.paid", 1);
  const task = await ended(queue, id);
  expect(task?.state).toBe("dead");
  expect(JSON.stringify(task)).toContain("which is not public");
  expect(receiver.received.length + receiver.refused.length).toBe(0);
});

test("both secrets sign while one of them is replaced, so no receiver loses a task", async () => {
  const old = newSecret();
  const fresh = newSecret();
  const { queue, receiver, file, dispatcher } = await setup({}, { SECRET: old });
  receiver.secret = old;
  const send = async (n: number) => ended(queue, (await queue.enqueue("order.paid", n)).id);
  expect(await send(1)).toMatchObject({ state: "completed" });
  const both = [{ ...file.endpoints[0], secrets: [{ env: "FRESH" }, { env: "SECRET" }] }];
  dispatcher.service.child.kill("SIGTERM");
  await systems.dispatcher({ endpoints: both }, { SECRET: old, FRESH: fresh });
  expect(await send(2)).toMatchObject({ state: "completed" });
  receiver.secret = fresh;
  expect(await send(3)).toMatchObject({ state: "completed" });
  expect(receiver.refused).toEqual([]);
});

test("after 202 the endpoint ends the task itself", async () => {
  const { queue, receiver, settle, dispatcher } = await setup({ maxRetries: 0 });
  receiver.respond = (_received, response) => response.writeHead(202).end();
  const begin = async (n: number) => {
    const { id } = await queue.enqueue("order.paid", n);
    await until("the endpoint has the task", () => receiver.ids().has(id));
    const { token } = receiver.received.find((received) => received.id === id)?.body ?? {};
    return {
      id,
      token,
      report: (body: object) => settle(id, signedReport(receiver.secret, id, { token, ...body })),
    };
  };
  const done = await begin(1);
  await until("the task waits", async () => (await queue.get(done.id))?.state === "scheduled");
  expect(await queue.get(done.id)).toMatchObject({ attempts: 0 });
  expect((await done.report({ verdict: "completed", result: { ok: 1 } })).status).toBe(204);
  expect(await ended(queue, done.id)).toMatchObject({ state: "completed", resultText: '{"ok":1}' });
  expect((await done.report({ verdict: "completed" })).status).toBe(404);

  const fatal = await begin(2);
  expect((await fatal.report({ verdict: "fatal", error: "no such order" })).status).toBe(204);
  expect(await ended(queue, fatal.id)).toMatchObject({ state: "dead", deadReason: "fatal" });

  const failed = await begin(3);
  expect((await failed.report({ verdict: "failed", error: "try again" })).status).toBe(204);
  expect(await ended(queue, failed.id)).toMatchObject({ state: "dead", deadReason: "retries_exhausted" });

  const later = await begin(4);
  expect((await later.report({ verdict: "postpone", delayMs: 60_000 })).status).toBe(204);
  await until("the task is postponed", async () => (await queue.get(later.id))?.state === "scheduled");
  expect(await queue.get(later.id)).toMatchObject({ attempts: 0 });
  expect(await dispatcher.metrics()).toContain(
    'holdfast_endpoint_settlements_total{endpoint="shop",verdict="postpone"} 1',
  );
});

test("a report that is not signed well, is old or has another token is refused", async () => {
  const { queue, receiver, settle, dispatcher } = await setup();
  receiver.respond = (_received, response) => response.writeHead(202).end();
  const { id } = await queue.enqueue("order.paid", 1);
  await until("the endpoint has the task", () => receiver.ids().has(id));
  const { token } = receiver.received[0]?.body ?? {};
  const body = { token, verdict: "completed" };
  const status = async (report: RequestInit, of = id) => (await settle(of, report)).status;
  expect(await status(signedReport(newSecret(), id, body))).toBe(401);
  expect(
    await status({ ...signedReport(receiver.secret, id, body), body: '{"token":"x","verdict":"completed"}' }),
  ).toBe(401);
  expect(await status(signedReport(receiver.secret, id, body, new Date(Date.now() - 400_000)))).toBe(401);
  expect(await status({ method: "POST", headers: { "content-type": "application/json" }, body: "{}" })).toBe(
    401,
  );
  expect(await status(signedReport(receiver.secret, "other", body))).toBe(422);
  expect(await status(signedReport(receiver.secret, "other", body), "other")).toBe(404);
  expect(await status(signedReport(receiver.secret, id, { ...body, token: "1-x.0" }))).toBe(409);
  expect(await status(signedReport(receiver.secret, id, { ...body, verdict: "ok" }))).toBe(422);
  expect(await status(signedReport(receiver.secret, id, { ...body, error: "x" }))).toBe(422);
  expect(await status(signedReport(receiver.secret, id, { token, verdict: "postpone" }))).toBe(422);
  const nowhere = await fetch(
    `${dispatcher.url}/v1/endpoints/none/tasks/${id}/settle`,
    signedReport(receiver.secret, id, body),
  );
  expect(nowhere.status).toBe(404);
  expect(["processing", "scheduled"]).toContain((await queue.get(id))?.state);
  expect(await status(signedReport(receiver.secret, id, body))).toBe(204);
  expect(await ended(queue, id)).toMatchObject({ state: "completed" });
});

test("a report may come before the answer 202", async () => {
  const { queue, receiver, settle } = await setup();
  receiver.respond = async ({ id, body: { token } }, response) => {
    const report = await settle(
      id,
      signedReport(receiver.secret, id, { token, verdict: "completed", result: 7 }),
    );
    response.writeHead(202).end();
    expect(report.status).toBe(204);
  };
  const { id } = await queue.enqueue("order.paid", 1);
  expect(await ended(queue, id)).toMatchObject({ state: "completed", resultText: "7" });
});

test("after 202 without a report, the attempt fails when laterMs has passed", async () => {
  const { queue, receiver } = await setup({ laterMs: 1_000, maxRetries: 0 });
  receiver.respond = (_received, response) => response.writeHead(202).end();
  const { id } = await queue.enqueue("order.paid", 1);
  const task = await ended(queue, id);
  expect(task).toMatchObject({ state: "dead", attempts: 1 });
  expect(JSON.stringify(task)).toContain("reported no end within 1000 ms");
});

test("tasks that wait for reports take no slot, and after a failure the task is sent again", async () => {
  const { queue, receiver, settle } = await setup({ concurrency: 1, backoff: { baseMs: 1, maxMs: 1 } });
  receiver.respond = (_received, response) => response.writeHead(202).end();
  const ids = await Promise.all([1, 2, 3].map(async (n) => (await queue.enqueue("order.paid", n)).id));
  await until("all were sent", () => receiver.ids().size === 3);
  const [id = ""] = ids;
  const tokens = () =>
    receiver.received.filter((received) => received.id === id).map(({ body }) => body.token);
  const report = (token: unknown, body: object) =>
    settle(id, signedReport(receiver.secret, id, { token, ...body }));
  expect((await report(tokens()[0], { verdict: "failed", error: "no paper" })).status).toBe(204);
  await until("it was sent again", () => tokens().length === 2);
  expect((await report(tokens()[0], { verdict: "completed" })).status).toBe(409);
  expect((await report(tokens()[1], { verdict: "postpone", delayMs: 1 })).status).toBe(204);
  await until("it was sent a third time", () => tokens().length === 3);
  expect((await report(tokens()[2], { verdict: "completed", result: "printed" })).status).toBe(204);
  expect(await ended(queue, id)).toMatchObject({ state: "completed", attempts: 2, resultText: '"printed"' });
  expect(receiver.received).toHaveLength(5);
});

test("SIGTERM lets a delivery end, and a task that waits for its report goes on waiting", async () => {
  const { queue, receiver, dispatcher } = await setup({}, { SHUTDOWN_GRACE_MS: "1500" });
  receiver.respond = ({ body: { payload } }, response) => {
    if (payload === "later") response.writeHead(202).end();
    else setTimeout(() => response.writeHead(204).end(), 700);
  };
  const slow = await queue.enqueue("order.paid", "slow");
  const later = await queue.enqueue("order.paid", "later");
  await until("both were sent", () => receiver.ids().size === 2);
  dispatcher.service.child.kill("SIGTERM");
  expect(await dispatcher.service.exit()).toEqual({ code: 0, signal: null });
  expect(await queue.get(slow.id)).toMatchObject({ state: "completed", attempts: 1 });
  expect(await queue.get(later.id)).toMatchObject({ state: "scheduled", attempts: 0 });
});

test("two dispatchers share the tasks, and each of them takes a report", async () => {
  const { queue, receiver, file, dispatcher } = await setup({ concurrency: 2 });
  const other = await systems.dispatcher(file, { SECRET: receiver.secret });
  const ids = await Promise.all(Array.from({ length: 40 }, (_, n) => queue.enqueue("order.paid", n)));
  for (const { id } of ids) expect(await ended(queue, id)).toMatchObject({ state: "completed" });
  expect(receiver.received).toHaveLength(40);

  receiver.respond = (_received, response) => response.writeHead(202).end();
  const { id } = await queue.enqueue("order.paid", "later");
  await until("the endpoint has the task", () => receiver.ids().has(id));
  const { token } = receiver.received.at(-1)?.body ?? {};
  const statuses = await Promise.all(
    [dispatcher, other].map(async ({ url }) => {
      const report = signedReport(receiver.secret, id, { token, verdict: "completed" });
      return (await fetch(`${url}/v1/endpoints/shop/tasks/${id}/settle`, report)).status;
    }),
  );
  // Both reports may come at the same time, so the second one may find the task still running or already ended.
  expect(statuses).toContain(204);
  expect([204, 404, 409]).toEqual(expect.arrayContaining(statuses));
  expect(await ended(queue, id)).toMatchObject({ state: "completed" });

  await dispatcher.service.kill();
  const last = await queue.enqueue("order.paid", "the one that sent it is gone");
  await until("the endpoint has the task", () => receiver.ids().has(last.id));
  const sent = receiver.received.at(-1)?.body.token;
  const report = signedReport(receiver.secret, last.id, { token: sent, verdict: "completed" });
  expect((await fetch(`${other.url}/v1/endpoints/shop/tasks/${last.id}/settle`, report)).status).toBe(204);
  expect(await ended(queue, last.id)).toMatchObject({ state: "completed" });
});

test("no secret is in the log or the metrics, and a bad file ends the start", async () => {
  const { receiver, dispatcher, file } = await setup();
  const secret = receiver.secret.slice(6);
  expect(dispatcher.service.output()).not.toContain(secret);
  expect(await dispatcher.metrics()).not.toContain(secret);
  await expect(systems.dispatcher(file, { SECRET: secret })).rejects.toThrow(
    /\/endpoints\/0\/secrets\/0: SECRET is not a valid secret/,
  );
  await expect(systems.dispatcher(file, { SECRET: secret })).rejects.not.toThrow(secret);
});
