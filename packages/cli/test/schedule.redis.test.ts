import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

let redis: RedisServer;
const { cli, json } = cliFor(() => redis.url);
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(async () => redis?.stop());

test("a schedule is created, shown, listed, run, paused, resumed and deleted", async () => {
  const payload = '{ "n": 12345678901234567890 }';
  const zone = ["--time-zone", "Europe/Berlin"];
  const put = ["schedule", "put", "nightly", "reports", "30 2 * * *", "report", payload, ...zone];
  const options = ["--missed", "all", "--overlap", "skip", "--tag", "a", "--tag", "b", "--timeout", "5m"];
  expect(await json(...put, ...options)).toMatchObject({
    ...{ id: "nightly", payloadText: payload, timeZone: "Europe/Berlin", missed: "all", overlap: "skip" },
    options: { tags: ["a", "b"], timeoutMs: 300_000 },
  });
  const shown = await cli("schedule", "show", "nightly");
  expect(shown.stdout).toContain("30 2 * * *  (At 02:30, Europe/Berlin)");
  expect(shown.stdout).toContain("12345678901234567890");
  const run = await json<{ taskId: string }>("schedule", "run", "nightly");
  expect(await json("task", "get", "reports", run.taskId)).toMatchObject({ state: "pending" });
  expect(await cli("schedule", "run", "nightly")).toMatchObject({ code: 4 });
  expect((await cli("schedule", "pause", "nightly")).stdout).toContain("paused");
  expect(await json("schedule", "resume", "nightly")).toMatchObject({ paused: false });
  const rows = await cli("schedule", "ls", "--queue", "reports");
  expect(rows.stdout).toMatch(/nightly +reports +running +30 2 \* \* \* .*enqueued, pending/);
  expect((await cli("schedule", "rm", "nightly")).stdout).toContain("deleted");
  expect(await cli("schedule", "rm", "nightly")).toMatchObject({ code: 3 });
  expect(await cli("schedule", "show", "nightly")).toMatchObject({ code: 3 });
  expect(await json("schedule", "ls")).toEqual([]);
});

test("an interval is written with its end and its limit, and shown", async () => {
  const until = "2030-01-31T08:00:00.000Z";
  const put = ["schedule", "put", "often", "reports", "@every 1h30m", "report", "--end-at", until];
  expect(await json(...put, "--limit", "5", "--immediately")).toMatchObject({
    ...{ cron: "@every 1h30m", words: "Every 1 hour 30 minutes", startAt: null, limit: 5, count: 0 },
    ...{ endAt: Date.parse(until), nextAt: expect.any(Number) },
  });
  const { stdout } = await cli("schedule", "show", "often");
  expect(stdout).toMatch(/^limit +5 \(0 so far\)$/m);
  expect(stdout).toMatch(new RegExp(`^ends +${until}$`, "m"));
  const both = await cli("schedule", "put", "x", "q", "@every 5s", "t", "--immediately", "--start-at", until);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be combined") });
  expect((await cli("schedule", "preview", "@every 5")).stderr).toContain("write @every and 1s to 365d");
  await cli("schedule", "rm", "often");
});

test("a schedule can have a unique key, and its tasks name the schedule and the run", async () => {
  const put = ["schedule", "put", "only", "uniq", "0 0 1 1 *", "t", "1"];
  expect(await json(...put, "--unique", "k", "--on-conflict", "replace")).toMatchObject({
    options: { unique: { key: "k", onConflict: "replace" } },
  });
  expect((await cli("schedule", "show", "only")).stdout).toContain('{"key":"k","onConflict":"replace"}');
  const { taskId } = await json<{ taskId: string }>("schedule", "run", "only");
  expect((await cli("task", "get", "uniq", taskId)).stdout).toMatch(/^schedule +only, run by hand, 20/m);
  expect(await json("schedule", "run", "only")).toMatchObject({ taskId });
  await json(...put, "--unique", "k");
  const refused = await cli("schedule", "run", "only");
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining(`task "${taskId}" holds`) });
  const debounce = await cli(...put, "--unique", "k", "--on-conflict", "debounce", "--max-wait", "1m");
  expect(debounce).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("cannot be used in a schedule"),
  });
  expect(await cli(...put, "--unique-scope", "window")).toMatchObject({ code: 2 });
});

test("the tasks of a schedule are kept as long as its options say", async () => {
  const put = ["schedule", "put", "keeps", "kept", "0 0 1 1 *", "t", "1", "--keep-count", "5"];
  expect(await json(...put)).toMatchObject({ options: { keep: { count: 5 } } });
  const { taskId } = await json<{ taskId: string }>("schedule", "run", "keeps");
  expect(await json("task", "get", "kept", taskId)).toMatchObject({ keep: { count: 5 } });
  await cli("schedule", "rm", "keeps");
});

test("a preview needs no Redis, and a wrong expression ends with 2 and the reason", async () => {
  const preview = await json<{ nextRuns: number[] }>("schedule", "preview", "@hourly");
  expect(preview.nextRuns).toHaveLength(5);
  const bad = await cli("schedule", "put", "x", "q", "61 * * * *", "t");
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining("minute: 61") });
  expect(await cli("schedule", "put", "x", "q", "* * * * *", "t", "{")).toMatchObject({ code: 2 });
  const zone = await cli("schedule", "preview", "* * * * *", "--time-zone", "Nowhere");
  expect(zone).toMatchObject({ code: 2, stderr: expect.stringContaining("not a time zone") });
});
