import { HoldfastError } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { Engine } from "../../src/engine/engine.ts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { Registry } from "../../src/engine/registry.ts";
import type { Connection } from "../../src/redis/connection.ts";
import { Process } from "../support/process.ts";
import { setup } from "../support/setup.ts";
import type { TestQueue } from "../support/test-queue.ts";

/**
 * Makes a paused, empty queue with its own registry (the list of queues). @param isOpen whether the queue was used
 * before
 */
async function prepare(isOpen = true) {
  const q = await setup();
  const { connection } = q.engine;
  const registry = new Registry(connection, q.name);
  const engineOf = (calls: Connection) =>
    new Engine(calls, q.name, { register: () => new Registry(calls, q.name).addQueue(q.name) });
  if (isOpen) await engineOf(connection).open();
  await q.engine.pause(true);
  const enqueue = (calls: Connection, id: string) => {
    const tail = [id, encodeEnvelope("t", 1, "{}")];
    return engineOf(calls).enqueue({ checked: false, high: 0, normal: 1, low: 0, tail });
  };
  const remove = (calls: Connection) =>
    new Registry(calls, q.name).removeQueue(
      q.name,
      async () => (await engineOf(calls).delete()) === "deleted",
    );
  return { q, connection, registry, enqueue, remove };
}

/** Checks that a queue without an entry in the registry has no task and is not marked as registered. */
async function expectKnown(q: TestQueue, registry: Registry, order: string): Promise<void> {
  const isRegistered = await registry.hasQueue(q.name);
  const [tasks, word] = [
    await q.redis.hget(q.keys.tasks, "#in"),
    await q.redis.hget(q.keys.state, "#registered"),
  ];
  expect([order, "task", tasks !== null && !isRegistered]).toEqual([order, "task", false]);
  expect([order, "word", word === "1" && !isRegistered]).toEqual([order, "word", false]);
}

/** Returns every order of `p` calls by the producer and `d` calls by the deletion. */
function orders(p: number, d: number): string[] {
  if (p === 0 || d === 0) return ["p".repeat(p) + "d".repeat(d)];
  return [...orders(p - 1, d).map((rest) => `p${rest}`), ...orders(p, d - 1).map((rest) => `d${rest}`)];
}

test.each([
  { isOpen: true, name: "that is registered" },
  { isOpen: false, name: "that is about to be registered" },
])(
  "a producer and the deletion of a queue $name leave no task in an unknown queue, in any order of their calls",
  async ({ isOpen }) => {
    // The producer is refused, asks, registers, confirms, and starts again if a deletion comes in between. The
    // deletion makes 3 calls.
    const all = orders(8, 3);
    expect(all).toHaveLength(165);
    const seen = { registered: 0, deleted: 0, both: 0 };
    for (const order of all) {
      const { q, connection, registry, enqueue, remove } = await prepare(isOpen);
      const [producer, deletion] = [new Process(connection), new Process(connection)];
      const [stored, gone] = [enqueue(producer.calls, "a"), remove(deletion.calls)];
      producer.run(stored);
      deletion.run(gone);
      let calls = 0;
      for (const which of order) {
        const made = await (which === "p" ? producer : deletion).step();
        if (which === "p" && made) calls++;
        await expectKnown(q, registry, order);
      }
      while (await producer.step()) calls++;
      expect(await stored).toMatchObject({ verdicts: "n" });
      expect([order, await registry.hasQueue(q.name)]).toEqual([order, true]);
      await expectKnown(q, registry, order);
      const isDeleted = await gone;
      if (calls > 1) seen.registered++;
      if (isDeleted) seen.deleted++;
      // If the producer made more than 5 calls, the deletion made it start again.
      if (isDeleted && calls > 5) seen.both++;
    }
    expect(seen.deleted).toBeGreaterThan(0);
    expect(seen.deleted).toBeLessThan(all.length);
    if (isOpen) expect(seen.registered).toBe(seen.deleted);
    else expect(seen).toMatchObject({ registered: all.length, both: expect.toSatisfy((n) => n > 20) });
  },
);

test("an enqueue to a deleted queue that became a partitioned one is refused, and stores nothing", async () => {
  const { q, connection, registry, enqueue, remove } = await prepare();
  expect(await remove(connection)).toBe(true);
  await registry.setPartitions(q.name, 0, 2);
  const error: unknown = await enqueue(connection, "a").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HoldfastError);
  expect(error).toMatchObject({ code: "conflict" });
  expect(await q.redis.exists(q.keys.tasks)).toBe(0);
});
