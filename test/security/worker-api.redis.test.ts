import { KeyStore, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { Observer, Queue } from "holdfast";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { post, startWorkerApi } from "../../services/worker-api/test/support.ts";
import { expectLeast, helper, prefix } from "./roles.ts";
import { startSecuredRedis, watch } from "./secured-redis.ts";

interface Granted {
  id: string;
  token: string;
}

test("the user worker-api has exactly the rights that worker-api needs", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  await queue.enqueue("warm-up", 1, { delayMs: 3_600_000 });
  const split = new Queue("split", { client: admin, partitions: 2 });
  await split.partitions();
  const observer = new Observer({ client: admin });
  await observer.configure("far", { retentionCount: 5 });
  const { key, text } = mintKey({ label: "work", scopes: ["work"] });
  await new KeyStore(admin).add(key);
  await redis.admin.script("FLUSH");
  const seen = await watch(redis);
  const { app, base } = await startWorkerApi(redis.url("worker-api"), { QUEUE_PREFIX: prefix });
  afterwards(() => app.stop());

  const tried = new Set<string>();
  let requestId = 0;
  const ask = async (path: string, body: object, name = "work") => {
    tried.add(path);
    const { status, json } = await post(base, name, path, body, { key: text });
    expect(status, `${path}: ${JSON.stringify(json)}`).toBe(200);
    return json;
  };
  const acquire = async (name?: string): Promise<Granted> => {
    const asked = { workerId: "w", requestId: ++requestId, want: 1, waitMs: 10_000, leaseMs: 60_000 };
    const [task] = (await ask("acquire", asked, name)).tasks;
    return { id: task.id, token: task.token };
  };
  const settle = async (task: Granted, verdict: object = { verdict: "complete" }, name?: string) => {
    const verdicts = [{ ...task, ...verdict }];
    return (await ask("settle", { workerId: "w", requestId: ++requestId, verdicts }, name)).outcomes[0];
  };

  // An enqueue answers the parked request (a request that waits in Redis). So this task comes by a push.
  const polled = acquire();
  await until("the request is parked", async () => (await observer.workers()).length === 1);
  await queue.enqueue("t", 1, { id: "steps" });
  const task = await polled;
  await ask("heartbeat", { workerId: "w", leases: [task] });
  await ask("progress", { ...task, progress: 1, checkpoint: 2 });
  expect(await ask("checkpoint", task)).toEqual({ checkpoint: 2 });
  await ask("log", { ...task, line: "a line" });
  await ask("steps/write", { ...task, place: 1, name: "long", result: "x".repeat(2_000) });
  expect((await ask("steps/read", task)).steps).toMatchObject([{ place: 1, name: "long" }]);
  expect((await ask("steps/result", { ...task, place: 1 })).result).toHaveLength(2_000);
  await ask("steps/sleep", { ...task, place: 2, name: "nap", ms: 1 });
  await queue.signal("steps", "go", 1);
  const wait = { ...task, place: 3, name: "wait", events: ["go"], timeoutMs: 1_000 };
  expect(await ask("steps/wait", wait)).toMatchObject({ outcome: "signal", data: 1 });
  const call = { ...task, place: 4, name: "call", type: "called", payload: 1 };
  expect(await ask("steps/call", call)).toMatchObject({ outcome: "open" });
  expect(await ask("steps/call", call)).toMatchObject({ outcome: "open" });
  const called = await acquire();
  expect(await settle(called, { verdict: "complete", result: 7 })).toBe("acked");
  await until("the caller hears of the end", async () => (await ask("steps/call", call)).result === 7);
  expect(await settle(task, { verdict: "release" })).toBe("released");
  expect(await settle(task)).toBe("stale");
  await until(
    "the late verdict is in the ledger",
    async () => (await observer.staleVerdicts("work")).length > 0,
  );

  expect(await settle(await acquire())).toBe("acked");

  for (const [verdict, outcome] of [
    [{ verdict: "fail", error: { name: "E", message: "m" } }, "retried"],
    [{ verdict: "fatal", error: { name: "E", message: "m" } }, "dead"],
    [{ verdict: "cancel" }, "cancelled"],
    [{ verdict: "postpone", delayMs: 60_000 }, "released"],
    [{ verdict: "suspend", until: Date.now() + 60_000, events: ["go"] }, "released"],
    [{ verdict: "no_handler" }, "released"],
    [{ verdict: "rate_limit", delayMs: 60_000, scope: "type" }, "released"],
  ] as const) {
    const { id } = await queue.enqueue(verdict.verdict, 1, { key: "k" });
    const one = await acquire();
    expect(one.id).toBe(id);
    expect(await settle(one, verdict), verdict.verdict).toBe(outcome);
    // Without this, the next acquire might be granted this task again.
    await queue.cancel(id);
  }

  // The node c runs in another queue. When b ends, a message takes c to that queue.
  await queue.flow({
    id: "flow",
    nodes: [
      { name: "a", type: "t" },
      { name: "b", type: "t", after: ["a"] },
      { name: "c", type: "t", after: ["b"], queue: "far" },
    ],
  });
  for (const name of ["a", "b"]) {
    const node = await acquire();
    expect(node.id).toBe(`flow.${name}`);
    if (name === "b") expect((await ask("children", node)).children).toMatchObject([{ name: "a" }]);
    expect(await settle(node)).toBe("acked");
  }
  expect(await settle(await acquire("far"), undefined, "far")).toBe("acked");
  await until("the flow has ended", async () => (await queue.getFlow("flow"))?.state === "ended");

  await split.enqueue("t", 1);
  expect(await settle(await acquire("split"), undefined, "split")).toBe("acked");
  // A worker may be the first process that uses a queue, which then has to be registered.
  await ask("acquire", { workerId: "w", requestId: ++requestId, want: 1 }, "new");
  await ask("heartbeat", { workerId: "w", leases: [], state: "stopped" });
  for (const path of ["livez", "readyz", "metrics"])
    expect((await fetch(`${base}/${path}`)).status, path).toBe(200);
  await until(
    "the times of the tasks were written",
    async () => (await admin.connection.command("EXISTS", admin.engine("work").keys.timings)) === 1,
  );

  const { paths } = (await (await fetch(`${base}/openapi.json`)).json()) as { paths: object };
  const described = Object.keys(paths).map((path) => path.replace("/v1/queues/{queue}/work/", ""));
  expect([...tried].sort()).toEqual(described.sort());
  await until("the use of the key is noted", async () =>
    (await new KeyStore(admin).list()).every(({ lastUsedAt }) => lastUsedAt !== null),
  );
  await seen.note();
  await app.stop();
  // The subscription for a worker stays open for a minute after its last poll. So this check has to wait.
  await expectLeast(redis, seen, "worker-api", ["sunsubscribe"]);
}, 120_000);
