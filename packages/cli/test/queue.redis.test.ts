import { PassThrough } from "node:stream";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Holdfast, Observer, Queue, Schedules } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../src/program.ts";
import { cliFor, start } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
let observer: Observer;
const { cli, json, withInput } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  observer = new Observer({ client });
});

afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

/** Creates a queue with three waiting and two scheduled tasks. */
async function filled(name: string): Promise<void> {
  const tasks = [0, 0, 0, 60_000, 60_000].map((delayMs) => ({
    type: "t",
    payload: 1,
    ...(delayMs > 0 ? { delayMs } : {}),
  }));
  await new Queue(name, { client }).enqueueMany(tasks);
}

/** Runs the command on a simulated terminal, with a user who types this answer. */
async function atTerminal(answer: string | null, ...args: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let [out, said] = ["", ""];
  stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  stderr.on("data", (chunk) => {
    said += String(chunk);
    if (!said.endsWith("to continue: ")) return;
    if (answer === null) stdin.end();
    else stdin.write(`${answer}\n`);
  });
  const io = {
    ...{ stdin, stdout, stderr, env: { REDIS_URL: redis.url } },
    ...{ signal: new AbortController().signal, outputError: () => null },
  };
  const code = await run(args, "0.0.0", io as never);
  return { code, stdout: out, stderr: said };
}

test("emptying a queue removes tasks in the named states only", async () => {
  await filled("some");
  const asked = await cli("queue", "empty", "some", "--state", "pending");
  expect(asked).toMatchObject({ code: 2, stdout: "" });
  expect(asked.stderr).toContain('this would remove 3 tasks of queue "some" (pending): add --confirm some');
  const wrong = await cli("queue", "empty", "some", "--state", "pending", "--confirm", "Some");
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing was done: "Some" is not'),
  });
  expect(await observer.stats("some")).toMatchObject({ pending: 3, scheduled: 2 });
  expect(await json("queue", "empty", "some", "--state", "pending", "--confirm", "some")).toMatchObject({
    ...{ queue: "some", removed: 3 },
  });
  expect(await observer.stats("some")).toMatchObject({ pending: 0, scheduled: 2 });
  expect(await json("queue", "empty", "some", "--all", "--confirm", "some")).toMatchObject({ removed: 2 });
  const records = await json<object[]>("history", "--queue", "some");
  expect(records).toMatchObject([
    { action: "queue.empty", count: 2 },
    { action: "queue.empty", count: 3 },
  ]);
});

test.each([
  [["queue", "empty", "q"], "one of the two"],
  [["queue", "empty", "q", "--all", "--state", "dead"], "one of the two"],
  [["queue", "empty", "q", "--state", "processing"], "one of pending"],
])("%j is refused: %s", async (args, text) => {
  expect(await cli(...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(text) });
});

test("a queue is deleted with its tasks after it is paused and named again", async () => {
  await filled("gone");
  expect((await cli("queue", "delete", "nowhere", "--confirm", "nowhere")).code).toBe(3);
  expect(await cli("queue", "delete", "gone", "--confirm", "gone")).toMatchObject({
    ...{ code: 4, stderr: expect.stringContaining("pause it first") },
  });
  await json("queue", "pause", "gone");
  expect((await cli("queue", "delete", "gone")).stderr).toContain(
    'delete queue "gone" with 5 tasks: add --confirm',
  );
  await new Schedules({ client }).put("nightly", { queue: "gone", cron: "0 3 * * *", type: "t" });
  const deleted = await cli("queue", "rm", "gone", "--confirm", "gone", "--reason", "mistyped", "--json");
  expect(JSON.parse(deleted.stdout)).toEqual({ queue: "gone", removed: 5 });
  expect(deleted.stderr).toContain("1 schedule will create the queue again: nightly");
  expect(await observer.queues()).not.toContain("gone");
  const [record] = await json<object[]>("history", "--queue", "gone");
  expect(record).toMatchObject({ action: "queue.delete", count: 5, reason: "mistyped" });
});

test("on a terminal the command asks for the name, and any other answer changes nothing", async () => {
  await filled("typed");
  await observer.pause("typed");
  for (const answer of ["", "type", null]) {
    const { code, stderr } = await atTerminal(answer, "queue", "delete", "typed");
    expect([answer, code, stderr]).toEqual([answer, 2, expect.stringContaining("nothing was done")]);
  }
  expect(await observer.stats("typed")).toMatchObject({ pending: 3 });
  const { code, stderr, stdout } = await atTerminal("typed", "queue", "delete", "typed");
  expect(stderr).toContain('This would delete queue "typed" with 5 tasks, for good.');
  expect([code, stdout]).toEqual([0, "removed  5\n"]);
});

test("configure changes single settings, shows and records them; an error names the wrong option", async () => {
  await filled("caps");
  expect(await cli("queue", "configure", "caps")).toMatchObject({
    ...{ code: 2, stderr: expect.stringContaining("name at least one setting") },
  });
  const wrong = await cli("queue", "configure", "caps", "--max-dead-age", "30");
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("--max-dead-age") });
  const caps = ["--max-dead", "5", "--max-dead-age", "30d", "--retention", "2h", "--reason", "too many"];
  expect((await cli("queue", "configure", "caps", ...caps)).code).toBe(0);
  expect(
    (await cli("queue", "configure", "caps", "--durability", "fsynced", "--idempotency", "1m")).code,
  ).toBe(0);
  const settings = {
    ...{ maxWaiting: 0, retentionMs: 7_200_000, retentionCount: 10_000, idempotencyMs: 60_000 },
    ...{ durability: "fsynced", maxDead: 5, maxDeadAgeMs: 2_592_000_000, maxEvents: 0 },
  };
  expect((await observer.stats("caps")).settings).toEqual(settings);
  expect((await cli("queue", "show", "caps")).stdout).toMatch(/setting maxDead +5\n/);
  const { records } = await client.actions.page({ limit: 10 });
  expect(
    records.find(({ action, reason }) => action === "queue.configure" && reason === "too many"),
  ).toMatchObject({
    queue: "caps",
    outcome: "succeeded",
  });
});

test("the command warns before it creates a queue, but not about an existing queue", async () => {
  const warning = (name: string) => `there is no queue "${name}" yet`;
  expect((await cli("enqueue", "defualt", "n o", "1")).stderr).not.toContain("warning");
  expect((await cli("enqueue", "defualt", "t", "1")).stderr).toContain(
    'there was no queue "defualt"; this task created it',
  );
  expect((await cli("enqueue", "defualt", "t", "1")).stderr).toBe("");
  const lines = await withInput('{"type":"t","payload":1}', "enqueue", "liens", "--ndjson", "-");
  expect(lines.stderr).toContain(warning("liens"));
  expect((await cli("burst", "brust", "--tasks", "1")).stderr).toContain(warning("brust"));
  const put = await cli("schedule", "put", "s", "sceduled", "0 3 * * *", "t");
  expect(put.stderr).toContain(`${warning("sceduled")}; the first run will create it`);
  const moved = await cli("dlq", "replay", "defualt", "x", "--to", "elsewere");
  expect(moved.stderr).toContain(warning("elsewere"));
});

test("a burst is refused outside of development", async () => {
  const inEnvironment = (ENVIRONMENT: string) =>
    start(["burst", "b", "--tasks", "5"], { REDIS_URL: redis.url, ENVIRONMENT }).ended;
  expect(await inEnvironment("production")).toMatchObject({
    ...{ code: 1, stdout: "", stderr: expect.stringContaining('ENVIRONMENT is "production"') },
  });
  expect(await observer.queues()).not.toContain("b");
  expect((await inEnvironment("development")).code).toBe(0);
});
