import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("stops the granting, lets running tasks settle, and shows its reason", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  const grant = await q.grant();
  await q.engine.pause(true, "deploy 50%\nof é");
  expect(await q.stats()).toMatchObject({ paused: true, pauseReason: "deploy 50%\nof é" });
  expect((await q.acquire(1)).grants).toEqual([]);
  const trip = await q.engine.settle([{ kind: "ack", ...grant }], q.roundTripArgs({ want: 1 }));
  expect(trip).toMatchObject({ outcomes: ["acked"], grants: [], paused: true });
  expect(await q.add("c")).toBe("n");
});

test("shows since when and by whom the queue is paused, by the clock of Redis", async () => {
  const q = await setup();
  const name = "Zoë, 100%\n@ops";
  await q.engine.pause(true, "a, b, c", name);
  expect(await q.stats()).toMatchObject({ pauseReason: "a, b, c", pausedAt: q.now, pausedBy: name });
  q.advance(5_000);
  await q.engine.pause(true);
  expect(await q.stats()).toMatchObject({ paused: true, pauseReason: null, pausedAt: q.now, pausedBy: null });
});

test("a pause that an older version wrote has only a reason", async () => {
  const q = await setup();
  await q.redis.hset(q.keys.state, "#settings", "1 1 0 86400000 10000 3600000 deploy%207 fsynced");
  expect(await q.stats()).toMatchObject({
    ...{ paused: true, pauseReason: "deploy 7", pausedAt: null, pausedBy: null },
    settings: { durability: "fsynced" },
  });
});

test("a resume continues the queue, and removes the reason and the author", async () => {
  const q = await setup();
  await q.add("a");
  await q.engine.pause(true, "why", "ana");
  await q.engine.pause(false);
  const forgotten = { paused: false, pauseReason: null, pausedAt: null, pausedBy: null };
  expect(await q.stats()).toMatchObject(forgotten);
  expect((await q.grant()).id).toBe("a");
});

test("does not change the other settings", async () => {
  const q = await setup();
  const settings = await q.engine.configure({ maxWaiting: 7, retentionMs: 8 });
  await q.engine.pause(true);
  expect((await q.stats()).settings).toEqual(settings);
});
