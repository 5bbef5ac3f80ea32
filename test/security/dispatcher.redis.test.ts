import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { freePort, startService, until } from "@holdfast/testing";
import { Observer, Queue, Worker } from "holdfast";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { newSecret, signedReport } from "../../services/dispatcher/test/receiver.ts";
import { expectLeast, helper, prefix } from "./roles.ts";
import { folder, startSecuredRedis, watch } from "./secured-redis.ts";

const MAIN = resolve(import.meta.dirname, "../../services/dispatcher/dist/main.js");

test("the user dispatcher has exactly the rights that the dispatcher needs", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const observer = new Observer({ client: admin });
  const work = new Queue("work", { client: admin });
  const split = new Queue("split", { client: admin, partitions: 2 });
  await split.partitions();
  for (const queue of ["work", "split", "far"]) await observer.configure(queue, { maxEvents: 1_000 });
  await redis.admin.script("FLUSH");
  const seen = await watch(redis);

  const received: string[] = [];
  const tokens: string[] = [];
  const open = new Map<string, () => void>();
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { type, data, payload, token } = JSON.parse(text);
    received.push(type.startsWith("task.") ? `${type} ${data.id}` : type);
    if (payload === "later") {
      tokens.push(token);
      response.writeHead(202).end();
    } else if (payload === "held") open.set(type, () => response.writeHead(204).end());
    else response.writeHead(200, { "content-type": "application/json" }).end('"done"');
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  afterwards(async () => void server.close().closeAllConnections());
  const to = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    allowPrivate: true,
    secrets: [{ env: "SECRET" }],
  };
  const file = join(folder(), "endpoints.json");
  const endpoint = (queue: string) => ({ ...to, name: queue, queue, types: ["t.*"], maxRetries: 0 });
  const webhook = { ...to, name: "hook", queues: ["work", "split"], on: ["completed", "dead"] };
  writeFileSync(
    file,
    JSON.stringify({ endpoints: ["work", "split", "first"].map(endpoint), webhooks: [webhook] }),
  );
  const port = String(await freePort());
  const secret = newSecret();
  const service = startService(MAIN, {
    REDIS_URL: redis.url("dispatcher"),
    QUEUE_PREFIX: prefix,
    ENDPOINTS_FILE: file,
    DISPATCHER_PORT: port,
    LEASE_MS: "3000",
    SECRET: secret,
  });
  afterwards(() => service.kill());
  await service.says("dispatcher is running");
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);

  const done = async (queue: Queue, id: string) =>
    expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ resultText: '"done"' });
  await done(work, (await work.enqueue("t.a", 1)).id);
  await done(split, (await split.enqueue("t.a", 1)).id);
  const chain = ["a", "b"].map((name, at) => ({
    ...{ name, type: "t.node", queue: at === 0 ? "work" : "split" },
    after: at === 0 ? [] : ["a"],
  }));
  const flow = await work.flow({ nodes: chain });
  await until("the flow has ended", async () => (await split.get(`${flow.id}.b`))?.state === "completed");
  // A task that another task calls. It tells its caller when it has ended.
  const caller = new Worker(
    "work",
    { caller: async (_, ctx) => ctx.call("t.called", 1) },
    { redis: redis.url("worker"), prefix },
  );
  afterwards(() => caller.stop({ graceMs: 0 }));
  await caller.start();
  await done(work, (await work.enqueue("caller", 1)).id);
  for (const queue of ["work", "split"])
    await until(`ends of ${queue} were told`, () =>
      received.some((text) => text.startsWith("task.completed")),
    );

  // The endpoint reports the end of both attempts. The second attempt reads the long error of the first one.
  const { id } = await work.enqueue("t.later", "later", {
    maxRetries: 1,
    backoff: { kind: "fixed", baseMs: 1 },
  });
  const report = async (body: object) => {
    const url = `http://127.0.0.1:${port}/v1/endpoints/work/tasks/${id}/settle`;
    const answer = await fetch(url, signedReport(secret, id, { token: tokens.at(-1), ...body }));
    expect(answer.status).toBe(204);
  };
  await until("the task was sent", () => tokens.length === 1);
  await report({ verdict: "failed", error: "€".repeat(1_000) });
  await until("the task was sent again", () => tokens.length === 2);
  await report({ verdict: "completed", result: "done" });
  await done(work, id);

  const late = await work.enqueue("t.late", "held");
  await until("the task is held", () => open.has("t.late"));
  const engine = admin.engine("work");
  const lease = () => admin.connection.command<string>("ZSCORE", engine.keys.processing, late.id);
  const first = await lease();
  await until("its lease was renewed", async () => (await lease()) !== first);
  await until("its lease was lost", async () => {
    await admin.connection.command("ZADD", engine.keys.processing, 1, late.id);
    await engine.reap(10);
    return (await work.get(late.id))?.state !== "processing";
  });
  open.get("t.late")?.();
  await until(
    "the late verdict is in the ledger",
    async () => (await observer.staleVerdicts("work", 10)).length > 0,
  );
  await seen.note();
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
  expect(service.output()).not.toMatch(/NOPERM|"level":50/);
  await expectLeast(redis, seen, "dispatcher");
});
