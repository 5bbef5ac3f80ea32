import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor, start } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
const { cli, json } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});

afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

test("settings of a queue are changed, and the others stay", async () => {
  const set = await cli("queue", "configure", "mail", "--max-events", "1000", "--retention", "2h");
  expect(set).toMatchObject({ code: 0 });
  expect(set.stdout).toMatch(/maxEvents +1000/);
  expect(await json("queue", "configure", "mail", "--max-waiting", "5")).toMatchObject({
    ...{ queue: "mail", maxWaiting: 5, maxEvents: 1_000, retentionMs: 7_200_000, durability: "memory" },
  });
  expect(await cli("queue", "configure", "mail")).toMatchObject({ code: 2 });
  expect((await cli("queue", "configure", "mail", "--max-events", "x")).stderr).toMatch(/--max-events/);
});

test("events are printed when they happen, as a table or as JSON lines, and from a cursor on", async () => {
  await cli("queue", "configure", "told", "--max-events", "1000");
  const queue = new Queue("told", { client });
  const tail = start(["--redis", redis.url, "events", "told", "--count", "2"]);
  // The command prints only events after its first read. So the test enqueues again and again until one is printed.
  await until("the command prints an event", async () => {
    await queue.enqueue("t", 1);
    return tail.stdout().includes("\n");
  });
  await queue.enqueue("t", 1);
  const ended = await tail.ended;
  expect(ended).toMatchObject({ code: 0 });
  expect(ended.stdout).toMatch(/^\S+ +enqueued +\S+\n\S+ +enqueued +\S+\n$/);
  const [, cursor = ""] = /more: --after (\S+)/.exec(ended.stderr) ?? [];
  await queue.enqueue("t", 1, { id: "last" });
  await queue.cancel("last");
  const more = await cli(
    "events",
    "told",
    "--after",
    cursor,
    "--type",
    "cancelled",
    "--count",
    "1",
    "--json",
  );
  expect(JSON.parse(more.stdout)).toMatchObject({ type: "cancelled", id: "last" });
});

test("a queue that keeps no events, a wrong type and a wrong cursor are reported in one line", async () => {
  expect(await cli("events", "none")).toMatchObject({
    code: 4,
    stderr: 'holdfast: queue "none" keeps no events: set its maxEvents, for example to 100000\n',
  });
  expect(await cli("events", "none", "--type", "ended")).toMatchObject({ code: 2 });
  await cli("queue", "configure", "told", "--max-events", "1000");
  expect(await cli("events", "told", "--after", "zz")).toMatchObject({ code: 2 });
});
