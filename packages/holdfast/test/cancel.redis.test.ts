import { until } from "@holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { parseCancel } from "../src/engine/round-trip.ts";
import { workerChannel } from "../src/redis/keys.ts";
import { setup } from "./support/setup.ts";

test("a pending task ends at once, and acquire drops its entry from the list", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  expect(await q.engine.cancel("a")).toBe("cancelled");
  expect(await q.task("a")).toMatchObject({ state: "cancelled", attempts: 0, endedAt: q.now });
  expect(await q.stats()).toMatchObject({ pending: 1, cancelled: 1, totals: { cancelled: 1 } });
  expect(await q.redis.llen(q.keys.pending)).toBe(2);
  expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["b"]);
  expect(await q.redis.llen(q.keys.pending)).toBe(0);
});

test("a scheduled task ends at once and is never promoted", async () => {
  const q = await setup();
  await q.add("a", { delayMs: 10 });
  expect(await q.engine.cancel("a")).toBe("cancelled");
  q.advance(10);
  expect((await q.engine.promote(10)).promoted).toBe(0);
  expect(await q.stats()).toMatchObject({ scheduled: 0, cancelled: 1 });
});

test("a retry that waits is cancelled with its history", async () => {
  const q = await setup();
  await q.add("a");
  await q.fail(await q.grant(), "Error: x", 10);
  expect(await q.engine.cancel("a")).toBe("cancelled");
  expect(await q.task("a")).toMatchObject({ state: "cancelled", failures: 1, lastError: "Error: x" });
});

test("a waiting task that has to run alone is cancelled", async () => {
  const q = await setup();
  await q.add("a");
  for (let i = 0; i < 2; i++) {
    await q.grant();
    await q.crash();
  }
  expect(await q.engine.cancel("a")).toBe("cancelled");
  expect((await q.acquire(1)).grants).toEqual([]);
});

test("a cancel of a running task is a request, which can be repeated; the lease continues", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  expect([await q.engine.cancel("a"), await q.engine.cancel("a")]).toEqual(["requested", "requested"]);
  expect(await q.task("a")).toMatchObject({
    state: "processing",
    cancelRequested: true,
    fence: grant.fence,
  });
  expect((await q.stats()).totals.cancelled).toBe(0);
  expect(await q.fatal(grant)).toBe("cancelled");
  expect((await q.task("a")).state).toBe("cancelled");
});

test("a cancel is too late for an ended task, can be repeated for a cancelled task, and reports an unknown task", async () => {
  const q = await setup();
  await q.add("done");
  await q.ack(await q.grant());
  await q.add("unkept", { keepPayload: false });
  await q.ack(await q.grant());
  await q.addDead("dead");
  await q.add("expired", { expiresAt: 1 });
  await q.acquire(1);
  await q.add("gone");
  await q.engine.cancel("gone");
  for (const id of ["done", "dead", "expired", "unkept"])
    expect([id, await q.engine.cancel(id)]).toEqual([id, "too_late"]);
  expect(await q.engine.cancel("gone")).toBe("cancelled");
  expect(await q.engine.cancel("nobody")).toBe("not_found");
  expect((await q.stats()).cancelled).toBe(1);
});

test("the given id of a cancelled task is a duplicate if the caller asks for that, and is free otherwise", async () => {
  const q = await setup();
  await q.add("id", { fingerprint: "fp" });
  await q.engine.cancel("id");
  expect(await q.add("id", { fingerprint: "fp", ifEnded: "duplicate" })).toBe("d");
  expect(await q.add("id", { fingerprint: "fp" })).toBe("n");
});

test("an unrouted task whose cancel was requested ends as cancelled", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await q.engine.cancel("a");
  expect(await q.unrouted(grant)).toBe("cancelled");
});

test("a queue that was written with a newer layout is not changed", async () => {
  const q = await setup();
  await q.add("a");
  q.corrupted = true;
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  await expect(q.engine.cancel("a")).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.exists(q.keys.cancelled)).toBe(0);
});

test("the cancel of a running task is sent at once on the channel of its worker, and on no other channel", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  const grant = await q.grant({ workerId: "w1" });
  await q.grant({ workerId: "w2" });
  const heard: [string, string][] = [];
  const listener = q.redis.duplicate();
  onTestFinished(() => listener.disconnect());
  listener.on("smessage", (channel: string, message: string) => heard.push([channel, message]));
  const channel = workerChannel(q.keys.wake, "w1");
  await listener.ssubscribe(channel, workerChannel(q.keys.wake, "w2"), q.keys.wake);
  expect(await q.engine.cancel("a")).toBe("requested");
  await until("the message to the worker has arrived", () => heard.length > 0);
  expect(heard).toEqual([[channel, `cancel ${grant.fence} a`]]);
  expect(parseCancel(Buffer.from(heard[0]?.[1] ?? ""))).toEqual({ id: "a", fence: grant.fence });
});
