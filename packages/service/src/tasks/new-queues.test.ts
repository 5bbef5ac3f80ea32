import { ANONYMOUS } from "@holdfast/contracts/api";
import { Holdfast, HoldfastError } from "holdfast";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createHttpServer } from "../http/server.ts";
import { createMetrics } from "../metrics.ts";
import { registerFastLane } from "./fast-lane.ts";
import { createQueueCache, NewQueues } from "./queues.ts";
import { registerTaskRoutes } from "./routes.ts";

const sender = (keyId: string | null, ip = "10.0.0.1") => ({ identity: { ...ANONYMOUS, keyId }, ip });

function setup(perKey: number, fails?: HoldfastError) {
  const asked: unknown[] = [];
  let now = 1_000;
  const registry = {
    async addQueue(queue: string, options: unknown) {
      asked.push([queue, options]);
      if (fails) throw fails;
    },
  };
  const queues = new NewQueues(registry as never, perKey, () => now);
  return {
    queues,
    asked,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("the registry of queues is asked once a minute for each queue", async () => {
  const { queues, asked, pass } = setup(5);
  expect(queues.isKnown("a")).toBe(false);
  for (let turn = 0; turn < 3; turn++) await queues.admit("a", sender("k"));
  expect(asked).toEqual([["a", { maker: { who: "key:k", most: 5 } }]]);
  expect([queues.isKnown("a"), queues.isKnown("b")]).toEqual([true, false]);
  pass(59_999);
  expect(queues.isKnown("a")).toBe(true);
  pass(1);
  expect(queues.isKnown("a")).toBe(false);
  await queues.admit("a", sender(null));
  expect(asked[1]).toEqual(["a", { maker: { who: "address:10.0.0.1", most: 5 } }]);
});

test("without a cap, Redis is not asked, and an invalid name is refused by the following enqueue", async () => {
  const without = setup(0);
  expect(without.queues.isKnown("a")).toBe(true);
  await without.queues.admit("a", sender("k"));
  const capped = setup(5);
  await capped.queues.admit("no name", sender("k"));
  expect([without.asked, capped.asked]).toEqual([[], []]);
});

test("a refused queue stays unknown, and a queue with partitions exists", async () => {
  const refused = setup(5, new HoldfastError("rate_limited", "QUEUES_PER_KEY"));
  await expect(refused.queues.admit("a", sender("k"))).rejects.toThrow("QUEUES_PER_KEY");
  expect(refused.queues.isKnown("a")).toBe(false);
  const partitioned = setup(5, new HoldfastError("conflict", "it is partitioned"));
  await partitioned.queues.admit("a", sender("k"));
  expect(partitioned.queues.isKnown("a")).toBe(true);
});

test("the names of 10,000 queues are kept, and the oldest ones are forgotten", async () => {
  const { queues } = setup(5);
  for (let n = 0; n <= 10_000; n++) await queues.admit(`q${n}`, sender("k"));
  expect([queues.isKnown("q0"), queues.isKnown("q1"), queues.isKnown("q10000")]).toEqual([false, true, true]);
});

test("no queue can be used before its service is open", async () => {
  // No request reaches Redis in this test, so the client needs none.
  const client = new Holdfast({ redis: "redis://127.0.0.1:1" });
  onTestFinished(() => client.close());
  let isOpen = false;
  const queue = createQueueCache(client, () => {
    if (!isOpen) throw new HoldfastError("redis_unavailable", "not open yet");
  });
  expect(() => queue("a")).toThrow("not open yet");
  expect(() => queue("a")).toThrow("not open yet");
  isOpen = true;
  expect(queue("a")).toBe(queue("a"));
});

test("a task for a new queue is stored only after its sender may create the queue", async () => {
  const { queues } = setup(5, new HoldfastError("rate_limited", "QUEUES_PER_KEY"));
  const app = await createHttpServer({
    ...{ title: "Trial", description: "Trial.", version: "0", host: "127.0.0.1", allowedHosts: [] },
    logger: pino({ level: "silent" }),
    metrics: createMetrics({ service: "trial", version: "0" }),
    ready: async () => ({ ok: true, detail: "" }),
  });
  const storedIn: string[] = [];
  const receipt = {
    id: "x",
    state: "pending",
    duplicate: false,
    willRun: true,
    durability: "memory",
  } as const;
  const queue = (name: string) => ({
    enqueueText: async () => {
      storedIn.push(name);
      return receipt;
    },
    enqueueColumns: async () => {
      storedIn.push(name);
      return { ids: ["x"], results: [] };
    },
    get: async () => null,
    wait: async () => null,
    cancel: async () => "not_found" as const,
    signal: async () => "not_found" as const,
    change: async (id: string) => ({ id, outcome: "not_found" as const }),
    events: () => {
      throw new Error("not used");
    },
  });
  const options = { queue, newQueues: queues };
  registerTaskRoutes(app, options);
  registerFastLane(app, options);
  try {
    const base = await app.listen({ host: "127.0.0.1", port: 0 });
    const task = '{"type":"t","payload":1}';
    const json = "application/json";
    const lines = "application/x-ndjson";
    for (const [path, type, body, accept] of [
      ["tasks", json, task, json],
      ["tasks/batch", json, `[${task}]`, json],
      ["tasks/batch", lines, `${task}\n`, json],
      // The invalid lines fill the first block. The valid line comes in a later block, so the queue has to be created
      // for it.
      ["tasks/batch", lines, `${`${"x".repeat(1_000)}\n`.repeat(300)}${task}\n`, lines],
    ] as const) {
      const request = { method: "POST", headers: { "content-type": type, accept }, body };
      const response = await fetch(`${base}/v1/queues/new/${path}`, request);
      expect([path, response.status]).toEqual([path, 429]);
    }
    expect(storedIn).toEqual([]);
  } finally {
    await app.close();
  }
});
