import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("a discard is undone: the task is dead as before, with its history and its place", async () => {
  const q = await setup();
  await q.addDead("a", { payloadText: '{"n":12345678901234567890}', fingerprint: "fp" });
  q.advance(5);
  await q.addDead("b");
  const before = await q.task("a");
  q.advance(5);
  expect(await q.engine.discard(["a", ""], undefined, { discard: "d1" })).toBe("d");
  expect(await q.view("a")).toBeNull();
  expect(await q.stats()).toMatchObject({ dead: 1, totals: { purged: 1 } });
  expect(await q.engine.restore(["a"], "d1")).toBe("r");
  expect(await q.task("a")).toEqual(before);
  expect(await q.stats()).toMatchObject({ dead: 2, totals: { purged: 0, deadLettered: 2 } });
  expect((await q.engine.list("deadLetters", "first", "", 5)).ids).toEqual(["a", "b"]);
  expect(await q.engine.replay(["a", ""])).toBe("r");
});

test("a restore returns only the tasks of its discard, once, and a lost answer is repeated", async () => {
  const q = await setup();
  for (const id of ["a", "b", "c"]) await q.addDead(id);
  await q.engine.discard(["a", ""], undefined, { discard: "d1" });
  await q.engine.discard(["b", ""], undefined, { discard: "d2" });
  const request = { requestSlot: "#q:twice:0", sequence: 1 };
  expect(await q.engine.restore(["a", "b", "c", "none", "a"], "d1", request)).toBe("rnnnn");
  expect(await q.engine.restore(["a", "b", "c", "none", "a"], "d1", request)).toBe("rnnnn");
  expect(await q.engine.restore(["a"], "d1")).toBe("n");
  expect(await q.stats()).toMatchObject({ dead: 2, totals: { purged: 1 } });
});

test("producers and operators cannot see a discarded task", async () => {
  const q = await setup();
  await q.addDead("a", { fingerprint: "fp" });
  await q.engine.discard(["a", ""], undefined, { discard: "d1" });
  expect(await q.engine.replay(["a", ""])).toBe("u");
  expect(await q.engine.discard(["a", ""])).toBe("u");
  expect(await q.engine.cancel("a")).toBe("not_found");
  expect(await q.add("a", { fingerprint: "fp", ifEnded: "duplicate" })).toBe("d");
  expect(await q.add("a", { fingerprint: "other", ifEnded: "duplicate" })).toBe("c");
});

test("a queue with nothing but discarded tasks can be deleted", async () => {
  const q = await setup();
  await q.addDead("a");
  await q.engine.discard(["a", ""]);
  await q.engine.pause(true);
  expect(await q.engine.delete()).toBe("deleted");
  expect(await q.redis.exists(q.keys.discarded)).toBe(0);
});
