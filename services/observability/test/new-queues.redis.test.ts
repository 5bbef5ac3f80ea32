import { KeyStore, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { FatalError, Holdfast, Observer, Queue, Schedules, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, startRunning } from "./running.ts";

let running: Running;
let client: Holdfast;

beforeAll(async () => {
  running = await startRunning({
    env: { QUEUES_PER_KEY: "2" },
    beforeStart: async (redis) => {
      client = new Holdfast({ redis: redis.url });
      await client.check();
      await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
    },
  });
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => {
  await running?.stop();
  await client?.close();
});

async function newKey() {
  const { key, text } = mintKey({ label: "test", scopes: ["admin"] });
  await new KeyStore(client).add(key);
  const headers = { authorization: `Bearer ${text}` };
  const call = (method: string, path: string, body?: unknown) => running.call(method, path, body, headers);
  await until(
    "the service knows the key",
    async () => (await call("GET", "/v1/queues")).status === 200,
    5_000,
  );
  return call;
}

async function deadLetters(name: string, ids: string[]) {
  const queue = new Queue(name, { client });
  await queue.enqueueMany(ids.map((id) => ({ type: "t", payload: 1, id })));
  const handlers = {
    t: () => {
      throw new FatalError("no");
    },
  };
  const worker = new Worker(name, handlers, { redis: running.redis.url });
  await worker.start();
  await until("all tasks are dead", async () => {
    const tasks = await Promise.all(ids.map((id) => queue.get(id)));
    return tasks.every((task) => task?.state === "dead");
  });
  await worker.stop();
}

/** Every kind of request that creates a missing queue. */
const WAYS: [string, (queue: string, dead: string) => [string, string, unknown?], number][] = [
  ["task", (queue) => ["POST", `/v1/queues/${queue}/tasks`, { type: "t", payload: 1 }], 201],
  ["batch", (queue) => ["POST", `/v1/queues/${queue}/tasks/batch`, [{ type: "t", payload: 1 }]], 207],
  ["pause", (queue) => ["POST", `/v1/queues/${queue}/pause`, {}], 200],
  ["settings", (queue) => ["PATCH", `/v1/queues/${queue}`, { maxWaiting: 9 }], 200],
  ["limits", (queue) => ["PUT", `/v1/queues/${queue}/limits`, { key: { concurrency: 1 } }], 200],
  [
    "shared limit",
    (queue) => ["PUT", `/v1/limits/l-${queue}`, { limit: { concurrency: 9 }, queues: [queue] }],
    200,
  ],
  ["partitions", (queue) => ["PUT", `/v1/queues/${queue}/partitions`, { partitions: 2 }], 200],
  ["burst", (queue) => ["POST", `/v1/queues/${queue}/burst`, { tasks: 1 }], 202],
  ["schedule", (queue) => ["PUT", `/v1/schedules/s-${queue}`, { queue, cron: "0 0 1 1 *", type: "t" }], 201],
  [
    "replay",
    (queue, dead) => ["POST", "/v1/queues/source/dead-letters/replay", { ids: [dead], to: queue }],
    200,
  ],
  [
    "paced replay",
    (queue, dead) => [
      ...(["POST", "/v1/queues/source/dead-letters/replay"] as const),
      { ids: [dead], to: queue, ratePerSecond: 100 },
    ],
    202,
  ],
];

test("every request that creates a queue counts, and is refused if its key has created as many as it may", async () => {
  await deadLetters(
    "source",
    WAYS.flatMap(([name]) => ["new", "there"].map((which) => `${which}-${name.replace(" ", "-")}`)),
  );
  const observer = new Observer({ client });
  for (const [title, request, status] of WAYS) {
    const name = title.replace(" ", "-");
    const call = await newKey();
    expect([title, (await call(...request(`${name}-1`, `new-${name}`))).status]).toEqual([title, status]);
    // The key may create two queues. `request` has created one, so this one is the last.
    expect((await call("POST", `/v1/queues/${name}-2/tasks`, { type: "t", payload: 1 })).status).toBe(201);
    const refused = await call(...request(`${name}-3`, `there-${name}`));
    expect([title, refused.status, refused.headers.get("retry-after")]).toEqual([title, 429, "60"]);
    expect(refused.json()).toMatchObject({
      code: "rate_limited",
      detail: expect.stringContaining("QUEUES_PER_KEY"),
    });
    // A request to an existing queue does not count as a new queue. The request about partitions is refused because
    // the queue has a task.
    const again = title === "partitions" ? 409 : status;
    expect([title, (await call(...request(`${name}-2`, `there-${name}`))).status]).toEqual([title, again]);
    expect((await observer.queues()).filter((queue) => queue.startsWith(`${name}-`))).toEqual([
      `${name}-1`,
      `${name}-2`,
    ]);
  }
});

test("a run of a schedule counts if it creates its deleted queue again, and a wrong schedule creates no queue", async () => {
  const call = await newKey();
  const schedule = { queue: "of-schedule", cron: "0 0 1 1 *", type: "t" };
  const wrong = await call("PUT", "/v1/schedules/wrong", { ...schedule, queue: "never", cron: "99 0 1 1 *" });
  expect(wrong.status).toBe(422);
  await new Schedules({ client }).put("right", schedule);
  const observer = new Observer({ client });
  await observer.pause("of-schedule");
  await observer.deleteQueue("of-schedule");
  for (const queue of ["mine-1", "mine-2"])
    expect((await call("POST", `/v1/queues/${queue}/tasks`, { type: "t", payload: 1 })).status).toBe(201);
  expect((await call("POST", "/v1/schedules/right/run", {})).status).toBe(429);
  const queues = await observer.queues();
  expect(queues).toContain("mine-2");
  for (const queue of ["never", "of-schedule"]) expect(queues).not.toContain(queue);
  expect((await (await newKey())("POST", "/v1/schedules/right/run", {})).status).toBe(201);
});
