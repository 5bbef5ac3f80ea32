import { expect, test } from "vitest";
import { Registry } from "../src/engine/registry.ts";
import { setup } from "./support/setup.ts";

async function scene() {
  const q = await setup();
  const registry = new Registry(q.engine.connection, q.name);
  /** @returns "made", or the code of the refusal */
  const add = (queue: string, who?: string) =>
    registry.addQueue(queue, who === undefined ? {} : { maker: { who, most: 3 } }).then(
      () => "made",
      (error: { code: string }) => error.code,
    );
  const makers = () => q.redis.hgetall(`${q.name}:{:system}:queue_makers`);
  const remove = (queue: string) => registry.removeQueue(queue, async () => true);
  return { registry, add, makers, remove };
}

test("an API key may create a limited number of queues; existing queues, other keys and the library are not refused", async () => {
  const { add, registry } = await scene();
  expect(await add("of-the-library")).toBe("made");
  for (const queue of ["a1", "a2", "a2", "of-the-library", "a3"])
    expect(await add(queue, "key:a")).toBe("made");
  expect(await add("a4", "key:a")).toBe("rate_limited");
  for (const queue of ["a1", "of-the-library"]) expect(await add(queue, "key:a")).toBe("made");
  expect(await add("b1", "key:b")).toBe("made");
  expect(await add("b1", "key:a")).toBe("made");
  expect(await add("another-of-the-library")).toBe("made");
  expect(await registry.queues()).toEqual([
    "a1",
    "a2",
    "a3",
    "another-of-the-library",
    "b1",
    "of-the-library",
  ]);
  await expect(registry.addQueue("a4", { maker: { who: "key:a", most: 3 } })).rejects.toMatchObject({
    code: "rate_limited",
    message: expect.stringMatching(/has made 3 queues.*QUEUES_PER_KEY.*delete one/),
    retryAfterMs: 60_000,
  });
});

test("concurrent requests create no more queues than that", async () => {
  const { add, registry } = await scene();
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, n) => add(`q${n}`, "key:a")));
  expect(outcomes.filter((outcome) => outcome === "made")).toHaveLength(3);
  expect(await registry.queues()).toHaveLength(3);
});

test("a deleted queue no longer counts for its maker, and leaves nothing behind", async () => {
  const { add, remove, makers } = await scene();
  await add("of-the-library");
  for (const queue of ["a1", "a2", "a3"]) await add(queue, "key:a");
  expect(await makers()).toEqual({ qa1: "key:a", qa2: "key:a", qa3: "key:a", "nkey:a": "3" });
  await remove("of-the-library");
  expect(await add("a4", "key:a")).toBe("rate_limited");
  await remove("a2");
  expect(await add("a4", "key:a")).toBe("made");
  expect(await add("a5", "key:a")).toBe("rate_limited");
  for (const queue of ["a1", "a3", "a4"]) await remove(queue);
  expect(await makers()).toEqual({});
});

test("a queue that is used again while it is deleted still counts once", async () => {
  const { add, registry, makers } = await scene();
  await add("a1", "key:a");
  await registry.removeQueue("a1", async () => (await add("a1", "key:b")) === "made");
  expect(await makers()).toEqual({ qa1: "key:a", "nkey:a": "1" });
});
