import { expect, test } from "vitest";
import { setupSystem } from "./worker/harness.ts";

test("the heaviest keys are those with the most tasks, including keys without tasks that are held or limited", async () => {
  const system = await setupSystem();
  const { limits } = system.observer;
  const queue = system.queue();
  for (const [key, count] of [
    ["few", 1],
    ["many", 5],
    ["some", 3],
  ] as const)
    await queue.enqueueMany(Array.from({ length: count }, () => ({ type: "t", payload: 1, key })));
  await limits.setKey("work", "own ü/%", { concurrency: 7 });
  await limits.hold("work", 60_000, { key: "held" });
  await limits.hold("work", 600_000, { key: "few" });
  const names = ({ keys }: { keys: { key: string }[] }) => keys.map(({ key }) => key);
  const byWaiting = await limits.heaviest("work");
  expect(names(byWaiting)).toEqual(["many", "some", "few", "held", "own ü/%"]);
  expect(byWaiting).toMatchObject({ lookedAt: 5, isWhole: true });
  expect(byWaiting.keys[4]).toMatchObject({ waiting: 0, limit: { concurrency: 7 } });
  expect(names(await limits.heaviest("work", { by: "heldUntil", limit: 2 }))).toEqual(["few", "held"]);
});

test("keys with running tasks are found, and the reply says if there are more keys than were looked at", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueue("t", 1, { key: "runs" });
  await system.engine().acquire({
    ...{ want: 1, held: 0, leaseMs: 30_000, maxRetries: 1, workerId: "w", nonce: "n", park: false },
    noHandlerAfterMs: 1_000,
  });
  for (let n = 0; n < 5_500; n += 500)
    await queue.enqueueMany(
      Array.from({ length: 500 }, (_, at) => ({ type: "t", payload: 1, key: `k${n + at}` })),
    );
  const { keys, lookedAt, isWhole } = await system.observer.limits.heaviest("work", { by: "running" });
  expect(keys[0]).toMatchObject({ key: "runs", running: 1, waiting: 0 });
  expect([keys.length, lookedAt, isWhole]).toEqual([20, 5_001, false]);
});
