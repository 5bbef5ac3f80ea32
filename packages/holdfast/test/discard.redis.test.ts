import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("a discarded dead letter is hidden and counted as purged, and is removed after ten minutes", async () => {
  const q = await setup();
  await q.addDead("a");
  await q.addDead("b");
  expect(await q.engine.discard(["a", ""])).toBe("d");
  expect(await q.view("a")).toBeNull();
  expect(await q.stats()).toMatchObject({ dead: 1, totals: { purged: 1, deadLettered: 2 } });
  expect(await q.redis.zrange(q.keys.discarded, "0", "-1")).toEqual(["a"]);
  q.advance(599_999);
  await q.engine.purge(100, 3_600_000);
  expect(await q.redis.hexists(q.keys.tasks, "a")).toBe(1);
  q.advance(1);
  await q.engine.purge(100, 3_600_000);
  expect(await q.redis.hexists(q.keys.tasks, "a")).toBe(0);
  expect(await q.redis.hexists(q.keys.state, "a")).toBe(0);
  expect(await q.redis.exists(q.keys.discarded)).toBe(0);
  expect(await q.stats()).toMatchObject({ dead: 1, totals: { purged: 1, deadLettered: 2 } });
});

test("a discard does not change tasks that are not dead, reports unknown ids, and counts a repeat once", async () => {
  const q = await setup();
  await q.addDead("a");
  await q.add("unkept", { keepPayload: false });
  await q.ack(await q.grant());
  await q.add("waiting");
  const tail = ["a", "a", "waiting", "nobody", "unkept"].flatMap((id) => [id, ""]);
  expect(await q.engine.discard(tail)).toBe("dnnun");
  expect(await q.engine.replay(tail.slice(-4))).toBe("un");
  expect(await q.engine.discard(["a", ""])).toBe("u");
  expect((await q.task("waiting")).state).toBe("pending");
});

test("the given id of a discarded task is a duplicate if the caller asks for that", async () => {
  const q = await setup();
  await q.addDead("id", { fingerprint: "fp" });
  await q.engine.discard(["id", ""]);
  expect(await q.add("id", { fingerprint: "fp", ifEnded: "duplicate" })).toBe("d");
  expect(await q.add("id", { fingerprint: "other", ifEnded: "duplicate" })).toBe("c");
  q.advance(3_600_000);
  // The first purge removes the discarded task. The second one removes the record that its id was used.
  await q.engine.purge(100, 7_200_000);
  await q.engine.purge(100, 7_200_000);
  expect(await q.add("id", { fingerprint: "other", ifEnded: "duplicate" })).toBe("n");
});

test.each([undefined, "fp"])(
  "the record of a moved task (fingerprint %s) says where the task went",
  async (fingerprint) => {
    const q = await setup();
    await q.addDead("a", fingerprint === undefined ? {} : { fingerprint });
    expect(await q.engine.discard(["a", "other/a.g1"])).toBe("d");
    expect(await q.redis.hget(q.keys.state, "a")).toBe(`r ${q.now} ${fingerprint ?? "-"} other/a.g1`);
    expect(await q.view("a")).toBeNull();
    q.advance(3_600_000);
    await q.engine.purge(100, 7_200_000);
    expect(await q.redis.hexists(q.keys.state, "a")).toBe(0);
  },
);

test("a discarded task cannot be replayed", async () => {
  const q = await setup();
  await q.addDead("a");
  await q.engine.discard(["a", ""]);
  expect(await q.engine.replay(["a", ""])).toBe("u");
});

test("a repeat of a discard whose answer was lost is answered as before", async () => {
  const q = await setup();
  await q.addDead("a");
  const request = { requestSlot: "#q:twice:0", sequence: 1 };
  expect(await q.engine.discard(["a", ""], request)).toBe("d");
  expect(await q.engine.discard(["a", ""], request)).toBe("d");
  expect(await q.stats()).toMatchObject({ dead: 0, totals: { purged: 1 } });
});

test("a task that died after the given time is not discarded", async () => {
  const q = await setup();
  await q.addDead("a");
  const began = q.now;
  q.advance(1);
  await q.addDead("b");
  expect(await q.engine.discard(["a", "", "b", ""], undefined, { diedBefore: began })).toBe("dn");
});
