import type { QueueStats } from "@holdfast/contracts";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Holdfast, Queue } from "../../src/index.ts";
import { quantileMs, SeriesHistory } from "../../src/operate.ts";
import { afterwards } from "../support/library.ts";
import { type System, setupSystem } from "../worker/harness.ts";

const START = Date.UTC(2027, 0, 1);

/** Makes a queue whose counts the test sets, and the history of its series. */
async function setup() {
  const system = await setupSystem();
  await system.queue().enqueue("t", 1);
  const real = await system.observer.stats("work");
  const history = () => {
    const client = new Holdfast({ redis: system.url, prefix: system.prefix });
    afterwards(() => client.close());
    return new SeriesHistory(client);
  };
  const at = (seconds: number, acked: number, pending = 0): QueueStats => ({
    ...real,
    at: START + seconds * 1_000,
    pending,
    totals: { ...real.totals, acked, enqueued: acked + pending },
  });
  return { system, history, at };
}

const read = (history: SeriesHistory, seconds: number) =>
  history.read("work", START, START + seconds * 1_000);

test("buckets of ten seconds hold the growth of the counts, and another process can read them", async () => {
  const { history, at } = await setup();
  const one = history();
  expect(await one.keep(at(1, 0), 0.5)).toBe(true);
  for (let second = 2; second <= 40; second++) await one.keep(at(second, second * 10, second), 0.25);
  const buckets = await read(history(), 40);
  expect(buckets.map(({ at }) => (at - START) / 1_000)).toEqual([10, 20, 30, 40]);
  expect(buckets.map(({ counts }) => counts.acked)).toEqual([100, 100, 100, 100]);
  expect(buckets.map(({ spanMs }) => spanMs)).toEqual([9_000, 10_000, 10_000, 10_000]);
  expect(buckets.map(({ gauges }) => gauges.pending)).toEqual([10, 20, 30, 40]);
  expect(buckets[0]?.utilisation).toBe(0.25);
});

test("each bucket is written by one of many processes", async () => {
  const { history, at } = await setup();
  const all = Array.from({ length: 5 }, history);
  for (let second = 1; second <= 60; second++) {
    const kept = await Promise.all(all.map((each) => each.keep(at(second, second), null)));
    expect(kept.filter(Boolean)).toHaveLength(second === 1 || second % 10 === 0 ? 1 : 0);
  }
  const buckets = await read(history(), 60);
  expect(buckets.map(({ at }) => (at - START) / 1_000)).toEqual([10, 20, 30, 40, 50, 60]);
  expect(buckets.reduce((sum, { counts }) => sum + counts.acked, 0)).toBe(59);
});

test("after a time without a process the next bucket covers all of that time", async () => {
  const { history, at } = await setup();
  await history().keep(at(1, 0), null);
  await history().keep(at(10, 10), null);
  await history().keep(at(130, 250), null);
  const buckets = await read(history(), 130);
  expect(buckets.map(({ spanMs, counts }) => [spanMs, counts.acked])).toEqual([
    [9_000, 10],
    [120_000, 240],
  ]);
});

test("an idle queue needs only one bucket; five minutes become one bucket of the long series", async () => {
  const { history, at, system } = await setup();
  const keeper = history();
  await keeper.keep(at(1, 5), null);
  for (let second = 10; second <= 600; second += 10) await keeper.keep(at(second, 5), null);
  await keeper.keep(at(610, 9), null);
  expect((await read(history(), 610)).map(({ spanMs, counts }) => [spanMs, counts.acked])).toEqual([
    [599_000, 0],
    [10_000, 4],
  ]);
  expect(await system.redis.llen(`${system.prefix}:{work}:series_long`)).toBe(2);
  expect(await system.redis.pttl(`${system.prefix}:{work}:series`)).toBeGreaterThan(0);
});

test("times before the oldest fine bucket come from the buckets of five minutes", async () => {
  const { history, at } = await setup();
  const keeper = history();
  const hours = 5;
  for (let second = 0; second <= hours * 3_600; second += 10) await keeper.keep(at(second, second), null);
  const all = await history().read("work", START, START + hours * 3_600_000);
  expect(all.filter(({ spanMs }) => spanMs > 10_000).length).toBeGreaterThanOrEqual(23);
  for (let i = 1; i < all.length; i++) expect(all[i]?.at).toBeGreaterThan(all[i - 1]?.at ?? 0);
  const counted = all.reduce((sum, { counts }) => sum + counts.acked, 0);
  expect(Math.abs(counted - hours * 3_600)).toBeLessThanOrEqual(320);
}, 60_000);

test("a queue that was created again counts from its beginning, never below zero", async () => {
  const { history, at } = await setup();
  const keeper = history();
  await keeper.keep(at(1, 100), null);
  await keeper.keep(at(10, 3), null);
  expect((await read(history(), 10)).map(({ counts }) => counts.acked)).toEqual([0]);
});

async function runTimed(system: System, name: string | string[]) {
  const { settled } = await system.started(name, {
    quick: () => {},
    slow: () => new Promise((resolve) => setTimeout(resolve, 120)),
    never: () => {
      throw new Error("no");
    },
  });
  return settled;
}

test("workers record how long tasks waited and ran, and a bucket has the quantiles", async () => {
  const { system, history } = await setup();
  const keeper = history();
  const queue = system.queue();
  const now = async (seconds: number) => ({
    ...(await system.observer.stats("work")),
    at: START + seconds * 1_000,
  });
  await keeper.keep(await now(1), null);
  const settled = await runTimed(system, "work");
  for (let n = 0; n < 3; n++) await queue.enqueue("slow", n);
  for (let n = 0; n < 97; n++) await queue.enqueue("quick", n);
  await until("all tasks have run", () => settled.length >= 100);
  await until("the worker has written the times", async () => {
    const fields = await system.redis.hgetall(`${system.prefix}:{work}:timings`);
    const ran = Object.entries(fields).filter(([field]) => field.startsWith("r"));
    return ran.reduce((sum, [, count]) => sum + Number(count), 0) === 100;
  });
  await keeper.keep(await now(10), 1);
  const [bucket] = await read(history(), 10);
  expect(bucket?.counts.acked).toBe(100);
  expect(quantileMs(bucket?.run ?? new Map(), 0.99)).toBeGreaterThan(100);
  expect(quantileMs(bucket?.run ?? new Map(), 0.5)).toBeLessThan(100);
  // The task of `setup` has no handler here, so it did not run and has no wait time.
  const waited = [...(bucket?.wait.values() ?? [])].reduce((sum, count) => sum + count, 0);
  expect(waited).toBe(100);
}, 30_000);

test("the partitions of a queue have one series", async () => {
  const { system, history } = await setup();
  const queue = new Queue("parted", { client: system.client, partitions: 2 });
  await queue.enqueue("quick", 1);
  const base = await system.observer.stats("parted/0");
  const stats = (seconds: number) => ({ ...base, queue: "parted", at: START + seconds * 1_000 });
  const keeper = history();
  await keeper.keep(stats(1), null);
  for (const partition of [0, 1])
    await system.client.engine(`parted/${partition}`).timings(["w4", 1, "r4", 2]);
  await keeper.keep(stats(10), null);
  const [bucket] = await history().read("parted", START, START + 10_000);
  expect([bucket?.wait, bucket?.run]).toEqual([new Map([[4, 2]]), new Map([[4, 4]])]);
});

test("each change of the version of the workers is kept once, and survives the process that saw it", async () => {
  const { history, at } = await setup();
  const seen = (second: number, version: string | null) =>
    history().keep(at(second, second), null, version === null ? null : { at: START + second, version });
  await seen(1, null);
  await seen(10, "1.0.0");
  await seen(20, "1.0.0");
  await seen(30, null);
  await seen(40, "1.1.0 (beta|2;3:4)");
  expect(await history().deploys("work")).toEqual([
    { at: START + 10, version: "1.0.0" },
    { at: START + 40, version: "1.1.0 (beta|2;3:4)" },
  ]);
  for (let n = 5; n < 40; n++) await seen(n * 10, `2.0.${n}`);
  const deploys = await history().deploys("work");
  expect(deploys).toHaveLength(20);
  expect(deploys.at(-1)?.version).toBe("2.0.39");
  expect(await history().deploys("other")).toEqual([]);
});

test("the attempts of each type are counted in buckets of five minutes, by one of many processes", async () => {
  const { system, history, at } = await setup();
  const engine = system.client.engine("work");
  const keepers = [history(), history()];
  const keep = (second: number) => Promise.all(keepers.map((each) => each.keep(at(second, second), null)));
  await keep(1);
  await engine.typeTimings("mail.send", ["n", 10, "f", 2, "w4", 10, "r20", 10]);
  await keep(10);
  // The current bucket is not stored before it ends.
  const read = (seconds: number) => history().types("work", START, START + seconds * 1_000);
  expect((await read(20)).map(({ at, spanMs }) => [(at - START) / 1_000, spanMs])).toEqual([[20, 19_000]]);
  for (let second = 20; second <= 310; second += 10) await keep(second);
  await engine.typeTimings("mail.send", ["n", 1, "r30", 1]);
  await engine.typeTimings("mail.bounce", ["n", 5, "f", 5, "r2", 5]);
  await keep(600);
  const buckets = await read(601);
  expect(buckets.map(({ at, spanMs }) => [(at - START) / 1_000, spanMs])).toEqual([
    [300, 299_000],
    [600, 300_000],
  ]);
  expect(buckets[0]?.types).toEqual(
    new Map([["mail.send", { ended: 10, failed: 2, wait: new Map([[4, 10]]), run: new Map([[20, 10]]) }]]),
  );
  expect([...(buckets[1]?.types ?? [])].map(([type, { ended, failed }]) => [type, ended, failed])).toEqual([
    ["mail.send", 1, 0],
    ["mail.bounce", 5, 5],
  ]);
});

test("a queue counts 64 types, and all others together", async () => {
  const { system, history, at } = await setup();
  const engine = system.client.engine("work");
  await history().keep(at(1, 1), null);
  for (let n = 0; n < 70; n++) await engine.typeTimings(`type.${n}`, ["n", 1, "r1", 1]);
  await engine.typeTimings("type.0", ["n", 1, "r1", 1]);
  const [bucket] = await history().types("work", START, START + 10_000);
  expect(bucket?.types.size).toBe(65);
  expect(bucket?.types.get("type.0")?.ended).toBe(2);
  expect(bucket?.types.get("__other__")?.ended).toBe(6);
});
