import { until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, startRunning } from "./running.ts";

let running: Running;
let client: Holdfast;
let observer: Observer;

beforeAll(async () => {
  running = await startRunning({
    beforeStart: async (redis) => {
      client = new Holdfast({ redis: redis.url });
      await client.check();
    },
  });
  observer = new Observer({ client });
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => {
  await running?.stop();
  await client?.close();
});

test("the policies for the tasks of a key are set and shown", async () => {
  const limits = {
    key: { concurrency: 1, ordered: true, onDead: "stop", whenFull: "drop-new", maxWaiting: 5 },
    fairBy: "time",
  };
  expect((await running.call("PUT", "/v1/queues/set/limits", limits)).json()).toMatchObject({ limits });
  expect((await running.call("GET", "/v1/queues/set/limits")).json()).toMatchObject({ limits, shared: [] });
  const again = await running.call("PUT", "/v1/queues/set/limits", {});
  expect(again.json()).toMatchObject({ limits: {} });
});

test("a type is limited, held and released from the hold, and each change is recorded", async () => {
  const types = { mail: { concurrency: 4 } };
  const set = await running.call("PUT", "/v1/queues/kinds/limits", { types });
  expect(set.json()).toMatchObject({ limits: { types }, types: [{ type: "mail", running: 0 }] });
  const hold = (holdMs: number) =>
    running.call("POST", "/v1/queues/kinds/hold", { holdMs, type: "mail", reason: "429" });
  expect((await hold(60_000)).json()).toMatchObject({ types: [{ blockedBy: "hold" }] });
  expect((await hold(0)).json()).toMatchObject({ types: [{ blockedBy: null }] });
  const { records } = (await running.call("GET", "/v1/audit?queue=kinds")).json() as {
    records: { action: string; subject: string | null }[];
  };
  expect(records.map(({ action, subject }) => [action, subject])).toEqual([
    ["queue.hold", "mail"],
    ["queue.hold", "mail"],
    ["queue.limits", null],
  ]);
});

test.each([
  [{ ordered: true, concurrency: 2 }, "key.ordered needs key.concurrency: 1"],
  [{ concurrency: 1, onDead: "stop" }, "key.onDead needs key.ordered: true"],
  [{ whenFull: "drop-new" }, 'key.whenFull: "drop-new" needs key.concurrency'],
])("the limit %j for each key is refused, with its field and the reason", async (key, detail) => {
  const refused = await running.call("PUT", "/v1/queues/refused/limits", { key });
  expect(refused.status).toBe(422);
  expect(refused.headers.get("content-type")).toContain("application/problem+json");
  expect(refused.json()).toMatchObject({
    ...{ code: "invalid_argument", detail: expect.stringContaining(detail) },
    errors: [{ path: "/key", in: "body" }],
  });
  expect(await observer.queues()).not.toContain("refused");
});

test("a task whose key is full is refused, alone and in a batch", async () => {
  await observer.limits.set("full", { key: { concurrency: 1, whenFull: "drop-new" } });
  const send = (key: string, id: string) =>
    running.call("POST", "/v1/queues/full/tasks", { type: "t", payload: 1, key, id });
  expect((await send("acme", "first")).status).toBe(201);
  const refused = await send("acme", "second");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(refused.json()).toMatchObject({ code: "key_full", taskId: "second" });
  expect((await running.call("GET", "/v1/queues/full/tasks/second")).status).toBe(404);
  const audit = (await running.call("GET", "/v1/audit?queue=full")).json();
  const [record] = audit.records as object[];
  expect(record).toMatchObject({ action: "task.enqueue", outcome: "refused", code: "key_full" });
});

test("a limit is shared, divided, changed and ended, and one that is too small creates no queue", async () => {
  const put = (body: object) => running.call("PUT", "/v1/limits/db", body);
  const tooSmall = await put({ limit: { concurrency: 1 }, queues: ["never-a", "never-b"] });
  expect(tooSmall.status).toBe(422);
  expect(tooSmall.json().errors).toMatchObject([{ path: "/limit/concurrency" }]);
  expect((await observer.queues()).filter((queue) => queue.startsWith("never"))).toEqual([]);
  for (const limit of [{}, { concurrency: 5, weight: 2 }])
    expect((await put({ limit, queues: ["a"] })).json().errors).toMatchObject([{ path: "/limit" }]);

  const shared = (await put({ limit: { concurrency: 10 }, queues: ["a", "b"] })).json();
  expect(shared).toEqual({
    ...{ name: "db", limit: { concurrency: 10 }, queues: ["a", "b"] },
    shares: { a: { concurrency: 5 }, b: { concurrency: 5 } },
  });
  expect((await running.call("GET", "/v1/limits")).json()).toEqual({ limits: [shared] });
  expect((await running.call("GET", "/v1/queues/a/limits")).json()).toMatchObject({ shared: [shared] });
  await new Queue("a", { client }).enqueue("t", 1);
  expect((await put({ limit: { concurrency: 4 }, queues: ["b"] })).json()).toMatchObject({ queues: ["b"] });
  expect((await running.call("GET", "/v1/queues/a/limits")).json()).toMatchObject({ shared: [] });
  expect((await running.call("DELETE", "/v1/limits/db")).status).toBe(204);
  expect((await running.call("DELETE", "/v1/limits/db")).json()).toMatchObject({ code: "not_found" });
  expect((await running.call("GET", "/v1/limits")).json()).toEqual({ limits: [] });
});
