import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

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

test("limits are set by scope, shown, and taken away", async () => {
  const set = await cli("limits", "set", "mail", "--scope", "key", "--concurrency", "3", "--rate", "10/1s");
  expect(set).toMatchObject({ code: 0 });
  expect(set.stdout).toMatch(/limit of each key +3 at a time, 10 per 1s \(burst 1\)/);
  await cli(
    "limits",
    "set",
    "mail",
    "--scope",
    "queue",
    "--rate",
    "100/1m",
    "--burst",
    "20",
    "--weight",
    "2",
  );
  expect(await json("limits", "show", "mail")).toMatchObject({
    queue: "mail",
    limits: {
      queue: { rate: { limit: 100, periodMs: 60_000, burst: 20 }, weight: 2 },
      key: { concurrency: 3, rate: { limit: 10, periodMs: 1_000 } },
    },
    blockedBy: null,
  });
  await cli("limits", "clear", "mail", "--scope", "key");
  expect((await json("limits", "show", "mail")) as object).toMatchObject({
    limits: { queue: { weight: 2 } },
  });
  await cli("limits", "clear", "mail");
  expect((await cli("limits", "show", "mail")).stdout).toMatch(/limit of the queue +none/);
});

test("keys are listed and paged, held, and get limits of their own", async () => {
  for (const key of ["acme", "zoo"]) {
    const sent = await cli("enqueue", "keyed", "t", "1", "--key", key, "--cost", "2");
    expect(sent.code).toBe(0);
  }
  const first = await cli("limits", "keys", "keyed", "--limit", "1");
  expect(first.stdout).toMatch(/acme +1 +0/);
  expect(first.stderr).toContain('there are more: --after "acme"');
  expect((await cli("limits", "keys", "keyed", "--after", "acme")).stdout).toMatch(/zoo +1/);
  const held = await cli("limits", "hold", "keyed", "1h", "--key", "acme", "--reason", "429");
  expect(held).toMatchObject({ code: 0, stderr: "" });
  expect(held.stdout).toMatch(/held back by +held until 20/);
  expect(await json("limits", "key", "keyed", "acme")).toMatchObject({ key: "acme", blockedBy: "hold" });
  await cli("limits", "hold", "keyed", "0s", "--key", "acme");
  expect(await json("limits", "key", "keyed", "acme", "--concurrency", "9", "--for", "1h")).toMatchObject({
    ...{ blockedBy: null, limit: { concurrency: 9 }, limitUntil: expect.any(Number) },
  });
  expect(await json("limits", "key", "keyed", "acme", "--clear")).toMatchObject({ limit: null });
  expect((await cli("limits", "hold", "keyed", "1h")).stdout).toMatch(/held back by +held until 20/);
  const [task] = (await new Observer({ client }).list("keyed", { state: "pending", limit: 1 })).tasks;
  expect(await new Queue("keyed", { client }).get(task?.id ?? "")).toMatchObject({ key: "acme", cost: 2 });
});

test.each([
  [["set", "q", "--scope", "key"], "give at least one of --concurrency, --rate and --weight"],
  [["set", "q", "--concurrency", "1"], "--scope"],
  [["set", "q", "--scope", "key", "--rate", "10"], "It has to be a rate like 10/1s"],
  [["set", "q", "--scope", "key", "--rate", "0/1s"], "at least 1 task"],
  [["set", "q", "--scope", "key", "--burst", "2"], "--burst goes with --rate"],
  [["set", "q", "--scope", "key", "--weight", "-1"], "weight has to be a number from 0.001 to 1,000"],
  [["set", "q", "--scope", "customer", "--concurrency", "1"], "queue, key"],
  [["key", "keyed", "a", "--for", "1h"], "--for goes with a limit"],
  [["key", "keyed", "a", "--clear", "--concurrency", "1"], "--clear goes without a limit"],
  [["hold", "keyed", "soon"], "It has to be a duration"],
])("%j is refused with the reason, and nothing is written", async (args, message) => {
  const { code, stderr } = await cli("limits", ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test("a queue that does not exist is told", async () => {
  expect(await cli("limits", "show", "nowhere")).toMatchObject({ code: 3 });
});
