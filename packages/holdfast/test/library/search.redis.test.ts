import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { FatalError, Queue, type SearchOptions, Worker } from "../../src/index.ts";
import { library, started } from "../support/library.ts";

/** A queue with a dead, a completed, a pending and a scheduled task, and a second queue with partitions. */
async function twoQueues() {
  const parts = library();
  const { name, client, queue, observer, redis } = parts;
  const other = `${name}-p`;
  await observer.partition(other, 3);
  await queue.enqueueMany([
    { type: "bad", payload: { n: 12_345 }, id: "dead", tags: ["tenant:7"] },
    { type: "good", payload: { n: 2 }, id: "done", tags: ["tenant:7"] },
  ]);
  const handlers = {
    good: () => null,
    bad: () => {
      throw new FatalError("no");
    },
  };
  const worker = await started(new Worker(name, handlers, { redis }));
  await until("both tasks have ended", async () => {
    const { dead, completed } = await observer.stats(name);
    return dead + completed === 2;
  });
  await worker.stop();
  await queue.enqueue("good", { n: 3 }, { id: "waits" });
  await queue.enqueue("good", { n: 4 }, { id: "later", delayMs: 3_600_000 });
  const producer = new Queue(other, { client });
  for (let n = 0; n < 30; n++) await producer.enqueue("good", { n }, { partitionKey: `k${n}` });
  const queues = [other, name];
  const find = async (query: string, more: SearchOptions = {}) =>
    (await observer.search(queues, { query, ...more })).tasks.map(({ id }) => id);
  return { ...parts, other, queues, find };
}

test("a query without a state is searched in the states in which a task can match, queue by queue", async () => {
  const { name, observer, find } = await twoQueues();
  expect(await find(`queue:${name}`)).toEqual(["later", "waits", "done", "dead"]);
  expect(await find("tag:tenant:*")).toEqual(["done", "dead"]);
  expect(await find("reason:fatal")).toEqual(["dead"]);
  expect(await find("payload.n=12345")).toEqual(["dead"]);
  expect(await find("due:<2h")).toEqual(["later"]);
  expect(await find("due:<30m")).toEqual([]);
  expect(await find("state:pending payload.n:>28")).toHaveLength(1);
  const { tasks, ...page } = await observer.search([name], { query: "completed:<1h" });
  expect(tasks).toMatchObject([{ id: "done", queue: name }]);
  expect(page).toEqual({ cursor: null, scanned: 1, total: 1 });
});

test("a query by id reads only these tasks", async () => {
  const { name, other, queues, observer, find } = await twoQueues();
  const [first] = (await observer.search([other], { limit: 1 })).tasks;
  const { tasks, ...page } = await observer.search(queues, { query: `id:${first?.id},dead,none` });
  expect(tasks.map(({ queue, id }) => [queue, id])).toEqual([
    [other, first?.id],
    [name, "dead"],
  ]);
  expect(page).toEqual({ cursor: null, scanned: 2, total: 2 });
  expect(await find("id:dead state:pending")).toEqual([]);
  expect((await observer.list(name, { state: "dead", query: "id:dead,waits" })).tasks).toMatchObject([
    { id: "dead" },
  ]);
});

test("the pages of a search have each task once, over queues, states and partitions", async () => {
  const { name, other, queues, observer } = await twoQueues();
  const seen: string[] = [];
  let cursor: string | null = null;
  let scanned = 0;
  do {
    const page = await observer.search(queues, { limit: 7, ...(cursor === null ? {} : { cursor }) });
    expect(page.total).toBe(34);
    seen.push(...page.tasks.map(({ id }) => id));
    scanned += page.scanned;
    cursor = page.cursor;
  } while (cursor !== null);
  expect([seen.length, new Set(seen).size, scanned]).toEqual([34, 34, 34]);
  // The queue of a cursor may have been deleted since, so the search goes on in the other queues.
  expect((await observer.search([other], { cursor: `${name}~dead~` })).tasks).toHaveLength(30);
  expect((await observer.search([name], { cursor: `${other}~dead~` })).tasks).toHaveLength(0);
  for (const wrong of ["x", `${name}~lost~`, `${name}~dead~%`])
    await expect(observer.search(queues, { cursor: wrong })).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  await expect(observer.search(queues, { limit: 101 })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a bulk action selects by a query, with durations that count from its start", async () => {
  const { name, other, observer } = await twoQueues();
  expect(await observer.countDead(name, { query: `queue:${name} died:<1h` })).toBe(1);
  expect(await observer.replayAll(name, { query: "died:>1h" })).toEqual({ replayed: 0, skipped: 0 });
  expect(await observer.replayAll(name, { query: "died:<1h payload.n=12345" })).toEqual({
    replayed: 1,
    skipped: 0,
  });
  expect(await observer.changeAll(name, { query: "due:<2h" }, { delayMs: 0 })).toEqual({
    changed: 1,
    skipped: 0,
  });
  // A task in a partition has the name of the whole queue.
  expect(await observer.matchScheduled(other, { query: `queue:${other}` })).toMatchObject({
    matched: 0,
    total: 0,
  });
});
