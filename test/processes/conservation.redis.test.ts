import { expect, test } from "vitest";
import { LEASE_MS, Processes, SWEEP_MS, until } from "./support.ts";

test("after kill -9 of a janitor, another one takes back the expired leases", async () => {
  const system = new Processes();
  const [dying, living] = await Promise.all([system.janitor().ready(), system.janitor().ready()]);
  const worker = await system.worker().ready();
  await system.enqueue(Array.from({ length: 20 }, () => ({ type: "hold", payload: null })));
  await until("all tasks are leased", () => worker.heard("started").length === 20);
  await dying.kill();
  const next = await system.worker().ready();
  await worker.kill();
  const killedAt = performance.now();
  await until("all tasks are leased again", () => next.heard("started").length === 20);
  expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + SWEEP_MS + 10_000);
  await until("all tasks are completed", async () => (await system.stats()).completed === 20);
  expect(living.heard("swept").length).toBeGreaterThan(0);
  expect((await system.stats()).totals).toMatchObject({ crashed: 20, acked: 20 });
});

test("no task is lost if a worker and a janitor are killed while 2,000 tasks run, of which a fifth fails", async () => {
  const system = new Processes();
  const janitors = await Promise.all([system.janitor().ready(), system.janitor().ready()]);
  const backoff = { kind: "exponential", baseMs: 50, maxMs: 400 } as const;
  const workers = await Promise.all([system.worker({ backoff }).ready(), system.worker({ backoff }).ready()]);
  // Of ten tasks, one fails once, and one fails until it becomes a dead letter. Of a hundred tasks, one fails for
  // good in its first attempt.
  const tasks = Array.from({ length: 2_000 }, (_, n) => ({
    type: "flaky",
    payload: { ms: 30, failures: n % 10 === 0 ? 1 : n % 10 === 5 ? 99 : 0, fatal: n % 100 === 5 },
    ...(n % 7 === 0 ? { priority: "high" as const } : {}),
    ...(n % 11 === 0 ? { delayMs: 200 } : {}),
  }));
  const ids = await system.enqueue(tasks);
  await until("about half of the tasks have ended", async () => {
    const { completed, processing } = await system.stats();
    return completed > 300 && processing > 0;
  });
  await Promise.all([workers[0]?.kill(), janitors[0]?.kill()]);
  const atKill = await system.stats();
  expect(atKill.completed).toBeLessThan(1_800);
  await until(
    "all tasks have ended",
    async () => {
      const stats = await system.stats();
      return stats.completed + stats.dead === 2_000;
    },
    28_000,
  );

  const [completed, dead] = [await system.idsIn("completed"), await system.idsIn("dead")];
  // The test compares the ids themselves, not only their number. So no task is lost, invented, or in two places.
  expect([...completed, ...dead].sort()).toEqual([...ids].sort());
  const expectedDead = new Set(ids.filter((_, n) => n % 10 === 5));
  for (const id of expectedDead) expect(dead).toContain(id);
  // A task without failures could only die of crashes. Only one worker is killed, so no task crashes more than once.
  expect(dead).toHaveLength(expectedDead.size);
  const { totals } = await system.stats();
  expect(totals.acked).toBe(completed.length);
  expect(totals.crashed).toBeGreaterThan(0);
  expect(totals.attempts).toBe(totals.acked + totals.failed + totals.crashed + totals.released);
  // Over all workers, at most one ack per id was accepted.
  const acks = workers.flatMap((worker) =>
    worker.heard("settled", { outcome: "acked" }).map((line) => line.id),
  );
  expect(new Set(acks).size).toBe(acks.length);
  expect((await system.observer.audit("work")).violations).toEqual([]);
});
