import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { recordStale, STALE_KEPT } from "../src/engine/stale-ledger.ts";
import { type StaleVerdict, Worker } from "../src/index.ts";
import { library, started } from "./support/library.ts";

const base = {
  want: 10,
  held: 0,
  leaseMs: 60_000,
  maxRetries: 3,
  workerId: "other",
  park: false,
  noHandlerAfterMs: 1,
};

test("a stale verdict is in the ledger, with how long the two attempts overlapped", async () => {
  const { name, redis, queue, observer, client, engine } = library();
  let finish = () => {};
  const running = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const worker = await started(new Worker(name, { t: () => running }, { redis, leaseMs: 300, pollMs: 50 }));
  const events: StaleVerdict[] = [];
  worker.on("stale", (verdict) => events.push(verdict));
  const { id } = await queue.enqueue("t", 1);
  await until("the task runs", async () => (await queue.get(id))?.state === "processing");
  const fence = (await queue.get(id))?.fence;
  // With a deadline in the past, the lease is taken back at once, and another worker gets the task.
  await until("another worker has the task", async () => {
    await client.connection.command("ZADD", engine.keys.processing, 1, id);
    await engine.reap(10);
    return (await engine.acquire({ ...base, nonce: "nonce" })).grants.length === 1;
  });
  const regranted = (await queue.get(id))?.fence;
  const ranTwice = performance.now();
  await until("both attempts have run for a while", () => performance.now() - ranTwice > 100);
  finish();
  await until("the stale verdict is reported", () => events.length === 1);
  const [verdict] = await observer.staleVerdicts(name);
  expect(verdict).toMatchObject({
    id,
    queue: name,
    type: "t",
    token: `${fence}.1`,
    currentFence: regranted,
    workerId: worker.id,
    attempt: 1,
  });
  expect(verdict).toEqual(events[0]);
  expect(verdict?.overlapMs).toBeGreaterThanOrEqual(90);
  expect(verdict?.overlapMs).toBeLessThan(5_000);
  expect(verdict?.lateMs).toBeGreaterThanOrEqual(verdict?.overlapMs ?? 0);
});

test("the newest stale verdicts are kept, and stale verdicts with an unknown token are recorded too", async () => {
  const { name, queue, observer, engine, client } = library();
  const { id } = await queue.enqueue("t", 1);
  await client.connection.command(
    "LPUSH",
    engine.keys.staleVerdicts,
    ...Array(STALE_KEPT).fill('{"id":"old"}'),
  );
  await recordStale(engine, { id, queue: name, token: "9-x", attempt: 1, workerId: "w", type: "t" });
  expect(await client.connection.command("LLEN", engine.keys.staleVerdicts)).toBe(STALE_KEPT);
  const [newest, second] = await observer.staleVerdicts(name);
  expect(newest).toMatchObject({
    id,
    queue: name,
    token: "9-x",
    lateMs: null,
    overlapMs: 0,
    currentFence: null,
  });
  expect(second?.id).toBe("old");
});
