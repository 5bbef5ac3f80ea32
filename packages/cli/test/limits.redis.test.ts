import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue, Worker } from "holdfast";
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

test("limits are set by scope, shown, and removed", async () => {
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

test("the limit of a type is set, shown and removed, the type is held, and the other limits stay", async () => {
  await cli("limits", "set", "kinds", "--scope", "key", "--concurrency", "2");
  const set = await cli("limits", "type", "kinds", "report", "--concurrency", "3", "--rate", "10/1s");
  expect(set).toMatchObject({ code: 0 });
  expect(set.stdout).toMatch(/limit of type report +3 at a time, 10 per 1s \(burst 1\); 0 run/);
  await cli("limits", "type", "kinds", "mail", "--concurrency", "1");
  const key = { concurrency: 2 };
  expect(await json("limits", "show", "kinds")).toMatchObject({
    limits: { key, types: { mail: { concurrency: 1 }, report: { concurrency: 3 } } },
  });
  const held = await cli("limits", "hold", "kinds", "10m", "--type", "mail");
  expect(held.stdout).toMatch(/limit of type mail +1 at a time; 0 run, held back by held until /);
  await cli("limits", "type", "kinds", "report", "--clear");
  await cli("limits", "hold", "kinds", "0s", "--type", "mail");
  expect(await json("limits", "type", "kinds", "mail")).toMatchObject({
    limits: { key, types: { mail: { concurrency: 1 } } },
    types: [{ type: "mail", blockedBy: null }],
  });
  expect(await cli("limits", "type", "kinds", "mail", "--weight", "2")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("types.mail.weight"),
  });
});

test("the policies for keys are set with their limit, shown, and removed with it", async () => {
  const set = await cli(
    ...["limits", "set", "follow", "--scope", "key", "--concurrency", "1", "--ordered", "--on-dead", "stop"],
    ...["--when-full", "drop-new", "--max-waiting", "50"],
  );
  expect(set).toMatchObject({ code: 0, stderr: "" });
  expect(set.stdout).toMatch(
    /limit of each key +1 at a time, in strict order, stops at a dead letter, drop-new when full, at most 50 wait/,
  );
  expect((await cli("limits", "fair", "follow", "time")).stdout).toMatch(/keys share +time/);
  const policy = { ordered: true, onDead: "stop", whenFull: "drop-new", maxWaiting: 50 };
  expect(await json("limits", "show", "follow")).toMatchObject({
    limits: { key: { concurrency: 1, ...policy }, fairBy: "time" },
  });
  await cli("limits", "set", "follow", "--scope", "key", "--max-waiting", "7");
  expect(await json("limits", "show", "follow")).toMatchObject({
    limits: { key: { maxWaiting: 7 }, fairBy: "time" },
  });
  await cli("limits", "clear", "follow", "--scope", "key");
  expect((await json("limits", "show", "follow")).limits).toEqual({ fairBy: "time" });
  await cli("limits", "clear", "follow");
  const cleared = await cli("limits", "show", "follow");
  expect(cleared.stdout).toMatch(/limit of each key +none\nkeys share +starts/);
});

test("a key that stopped at a dead letter is shown as stopped, and continues after a hold of 0", async () => {
  await cli(..."limits set stops --scope key --concurrency 1 --ordered --on-dead stop".split(" "));
  const queue = new Queue("stops", { client });
  await queue.enqueueMany([1, 2].map((payload) => ({ type: "t", payload, key: "acme" })));
  const handlers = {
    t: (task: { payload: unknown }) => task.payload === 1 && Promise.reject(new Error("no")),
  };
  const worker = new Worker("stops", handlers, { redis: redis.url, maxRetries: 0 });
  await worker.start();
  const stopped = () => json("limits", "key", "stops", "acme");
  await until("the key has stopped", async () => (await stopped()).blockedBy === "stopped");
  expect((await cli("limits", "key", "stops", "acme")).stdout).toMatch(
    /held back by +a dead letter: replay it, or hold the key for 0s/,
  );
  expect(await json("limits", "hold", "stops", "0s", "--key", "acme")).toMatchObject({ key: "acme" });
  await until(
    "the next task of the key has run",
    async () => (await new Observer({ client }).stats("stops")).completed === 1,
  );
  await worker.stop();
});

test("a limit is shared by queues, shown with their shares, changed and ended, and each change is recorded", async () => {
  const set = await cli("limits", "share", "db", "orders", "bills", "--concurrency", "10");
  expect(set).toMatchObject({ code: 0, stderr: "" });
  expect(set.stdout).toMatch(/db +10 at a time +orders, bills +orders: 5, bills: 5/);
  expect((await cli("limits", "show", "orders")).stdout).toMatch(/shares db +10 at a time, of orders, bills/);
  await cli("limits", "share", "db", "orders", "--rate", "60/1m", "--burst", "4");
  expect(await json("limits", "shared")).toMatchObject([
    { name: "db", limit: { rate: { limit: 60, periodMs: 60_000, burst: 4 } }, queues: ["orders"] },
  ]);
  expect((await json("limits", "show", "bills")).shared).toEqual([]);
  expect(await cli("limits", "unshare", "db")).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(await json("limits", "shared")).toEqual([]);
  expect((await cli("limits", "unshare", "db")).code).toBe(3);
  const { stdout } = await cli("history");
  expect(stdout.match(/limit\.(un)?share/g)).toEqual([
    ...["limit.unshare", "limit.unshare", "limit.share", "limit.share"],
  ]);
});

test("keys can be listed in pages, held, and given limits of their own", async () => {
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

test("a trial compares the recorded run with the present and the tried limits, and sets the tried ones if confirmed", async () => {
  const queue = new Queue("tried", { client });
  const worker = new Worker("tried", { t: async () => {} }, { redis: redis.url, concurrency: 4 });
  await queue.enqueueMany(Array.from({ length: 6 }, () => ({ type: "t", payload: 1, key: "acme" })));
  await worker.start();
  await until(
    "all tasks have run",
    async () => (await new Observer({ client }).stats("tried")).completed === 6,
  );
  await worker.stop();
  const args = ["limits", "try", "tried", "--scope", "key", "--rate", "1/10m"];
  const tried = await cli(...args);
  expect(tried).toMatchObject({ code: 0, stderr: "" });
  expect(tried.stdout).toMatch(/tasks +6 completed and 0 waiting, of /);
  expect(tried.stdout).toMatch(/limit of each key today +none/);
  expect(tried.stdout).toMatch(/limit of each key tried +1 per 10m00s \(burst 1\)/);
  expect(tried.stdout).toMatch(/limits tried +\d+m\d\ds +41m/);
  expect(await json(...args, "--slots", "3")).toMatchObject({
    ...{ completed: 6, slots: 3, limitsToday: {}, tried: { largestBacklog: 5, peakRunning: 1 } },
    limits: { key: { rate: { limit: 1, periodMs: 600_000 } } },
  });
  const unsure = await cli(...args, "--apply");
  expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining("add --confirm tried to do it")]);
  expect(await json("limits", "show", "tried")).toMatchObject({ limits: {} });
  const sure = await cli(...args, "--apply", "--confirm", "tried");
  expect([sure.code, sure.stderr]).toEqual([0, expect.stringContaining("the limits of tried are set")]);
  expect(await json("limits", "show", "tried")).toMatchObject({ limits: { key: { rate: { limit: 1 } } } });
  // `--apply` sets the limits that "limits set" would set with these options, including --ordered and --max-waiting.
  const ordered = ["--concurrency", "1", "--ordered", "--max-waiting", "9", "--apply", "--confirm", "tried"];
  expect((await cli(...args.slice(0, 5), ...ordered)).code).toBe(0);
  expect((await json("limits", "show", "tried")).limits).toEqual({
    key: { concurrency: 1, ordered: true, maxWaiting: 9 },
  });
});

test("a trial of a queue without completed tasks says so", async () => {
  await cli("limits", "set", "empty", "--scope", "key", "--concurrency", "1");
  const { code, stderr } = await cli("limits", "try", "empty", "--scope", "key", "--concurrency", "2");
  expect(stderr).toContain('queue "empty" keeps no completed task to replay');
  expect(code).toBe(4);
});

test.each([
  [
    ["set", "q", "--scope", "key"],
    "give at least one of --concurrency, --rate, --weight, --ordered, --on-dead, --when-full and --max-waiting",
  ],
  [["set", "q", "--concurrency", "1"], "--scope"],
  [["set", "q", "--scope", "key", "--rate", "10"], "It has to be a rate like 10/1s"],
  [["set", "q", "--scope", "key", "--rate", "0/1s"], "at least 1 task"],
  [["set", "q", "--scope", "key", "--burst", "2"], "--burst needs --rate"],
  [["set", "q", "--scope", "key", "--weight", "-1"], "weight has to be a number from 0.001 to 1,000"],
  [["set", "q", "--scope", "customer", "--concurrency", "1"], "queue, key"],
  [["set", "q", "--scope", "key", "--ordered"], "key.ordered needs key.concurrency: 1"],
  [["set", "q", "--scope", "key", "--concurrency", "1", "--on-dead", "stop"], "key.onDead needs key.ordered"],
  [["set", "q", "--scope", "key", "--concurrency", "1", "--on-dead", "halt"], "continue, stop"],
  [
    ["set", "q", "--scope", "key", "--when-full", "drop-new"],
    'key.whenFull: "drop-new" needs key.concurrency',
  ],
  [["set", "q", "--scope", "key", "--when-full", "drop"], "wait, drop-new, cancel-running"],
  [["set", "q", "--scope", "key", "--max-waiting", "0"], "It has to be a whole number from 1"],
  [["set", "q", "--scope", "queue", "--max-waiting", "5"], "need --scope key"],
  [["fair", "q", "weight"], "starts, time"],
  [["share", "db", "--concurrency", "5"], "missing required argument 'queues'"],
  [["share", "db", "q"], "limit needs concurrency, rate or both"],
  [["share", "db", "q", "--concurrency", "5", "--weight", "2"], "no weight"],
  [["share", "db", "q", "r", "--concurrency", "1"], "is divided among 2 queues or partitions"],
  [["share", "d/b", "q", "--concurrency", "1"], "name has to be 1 to 64 of"],
  [["unshare", "d/b"], "name has to be 1 to 64 of"],
  [["key", "keyed", "a", "--for", "1h"], "--for needs a limit"],
  [["key", "keyed", "a", "--clear", "--concurrency", "1"], "--clear cannot be combined with a limit"],
  [["try", "q", "--concurrency", "1"], "--scope"],
  [["try", "q", "--scope", "queue", "--ordered"], "need --scope key"],
  [["try", "q", "--scope", "key", "--slots", "0"], "whole number from 1 to 1000000"],
  [["hold", "keyed", "soon"], "It has to be a duration"],
])("%j is refused with the reason, and nothing is written", async (args, message) => {
  const { code, stderr } = await cli("limits", ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect(await new Observer({ client }).queues()).not.toContain("q");
});

test("a queue or a shared limit that does not exist is reported", async () => {
  expect(await cli("limits", "show", "nowhere")).toMatchObject({ code: 3 });
  const { code, stderr } = await cli("limits", "unshare", "nowhere");
  expect([code, stderr]).toEqual([3, 'holdfast: no shared limit is called "nowhere"\n']);
});
