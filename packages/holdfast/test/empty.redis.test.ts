import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("pending tasks are removed band by band, together with entries of cancelled tasks", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"]);
  await q.add("high", { priority: "high" });
  await q.engine.cancel("b");
  expect(await q.engine.empty("pending", "pending", 100)).toEqual({ removed: 2, looked: 3 });
  expect(await q.engine.empty("pending", "pending", 100)).toEqual({ removed: 0, looked: 0 });
  expect(await q.stats()).toMatchObject({ pending: 1, cancelled: 1, totals: { purged: 2 } });
  expect(await q.view("a")).toBeNull();
  expect((await q.task("b")).state).toBe("cancelled");
});

test("waiting retries are removed like new tasks, and running tasks are left alone", async () => {
  const q = await setup();
  await q.add(["retry", "running"]);
  const { grants } = await q.acquire(2);
  await q.fail(grants[0] ?? { id: "", fence: "" }, "x", 50);
  await q.add("later", { delayMs: 9 });
  expect(await q.engine.empty("scheduled", "scheduled", 100)).toEqual({ removed: 2, looked: 2 });
  expect(await q.stats()).toMatchObject({ scheduled: 0, processing: 1 });
});

test("completed tasks without a payload are removed like the others", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"], { keepPayload: false });
  await q.add(["d", "e"]);
  for (const grant of (await q.acquire(5)).grants) await q.ack(grant);
  // The call removes the newest tasks first.
  expect(await q.engine.empty("completed", "completed", 4)).toEqual({ removed: 4, looked: 4 });
  expect(await q.headers()).toBe(1);
  expect(await q.engine.empty("completed", "completed", 4)).toEqual({ removed: 1, looked: 1 });
  expect(await q.headers()).toBe(0);
  expect(await q.view("a")).toBeNull();
});

test.each([
  ["deadLetters", "dead"],
  ["completed", "completed"],
  ["cancelled", "cancelled"],
  ["expired", "expired"],
] as const)("%s are removed with their results", async (index, state) => {
  const q = await setup();
  const ids = ["a", "b", "c"];
  await q.add(ids, state === "expired" ? { expiresAt: 1 } : {});
  if (state === "cancelled") for (const id of ids) await q.engine.cancel(id);
  for (const { id, fence } of (await q.acquire(3)).grants) {
    await (state === "dead" ? q.fatal({ id, fence }) : q.ack({ id, fence }, "1"));
  }
  expect((await q.stats())[state]).toBe(3);
  expect(await q.engine.empty(index, state, 2)).toEqual({ removed: 2, looked: 2 });
  expect(await q.engine.empty(index, state, 2)).toEqual({ removed: 1, looked: 1 });
  expect(await q.stats()).toMatchObject({ [state]: 0, totals: { purged: 3 } });
  expect(await q.redis.exists(q.keys.results)).toBe(0);
});

test.each([undefined, 5])(
  "the given id of a removed task (delay %s) is a duplicate if the caller asks for that",
  async (delayMs) => {
    const q = await setup();
    const options = { fingerprint: "fp", ...(delayMs === undefined ? {} : { delayMs }) };
    await q.add("id", options);
    const index = delayMs === undefined ? "pending" : "scheduled";
    await q.engine.empty(index, index, 10);
    expect(await q.add("id", { ...options, ifEnded: "duplicate" })).toBe("d");
    expect(await q.add("id", { fingerprint: "other", ifEnded: "duplicate" })).toBe("c");
    expect(await q.add("id", options)).toBe("n");
  },
);
