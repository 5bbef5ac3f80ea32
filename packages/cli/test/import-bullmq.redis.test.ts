import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Queue as BullQueue } from "bullmq";
import { Holdfast, Observer, type TaskView } from "holdfast";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { taskIdOf } from "../src/import/bullmq-job.ts";
import type { ImportReport } from "../src/import/report.ts";
import { movable, type Seeded, seedBullMq } from "./bullmq.ts";
import { cliFor, start } from "./support.ts";

/** How many jobs there are in each state that is moved. With 25,000 there are 100,000 jobs in all. */
const EACH = Number(process.env.HOLDFAST_IMPORT_EACH ?? 1_200);
const STATES = ["waiting", "prioritized", "delayed", "failed"] as const;

const root = resolve(import.meta.dirname, "../../..");
let server: RedisServer;
let redis: Redis;
let client: Holdfast;
let observer: Observer;
const { cli, json } = cliFor(() => server.url);

beforeAll(async () => {
  server = await startRedisServer();
  redis = new Redis(server.url);
  client = new Holdfast({ redis: server.url });
  observer = new Observer({ client });
});
afterAll(async () => {
  await client.close();
  redis.disconnect();
  await server.stop();
});

async function seeded(name: string, each: number): Promise<Seeded> {
  const jobs = await seedBullMq(redis, server.url, name, each);
  onTestFinished(() => jobs.close());
  return jobs;
}

const args = (name: string) => ["import", "bullmq", "--from", server.url, "--queue", name];

/** Returns the task of each job in the target queue; null if there is none. */
async function tasksOf(name: string, ids: Iterable<string>): Promise<Map<string, TaskView | null>> {
  const found = new Map<string, TaskView | null>();
  const all = [...ids];
  for (let at = 0; at < all.length; at += 200) {
    const some = all.slice(at, at + 200);
    const tasks = await Promise.all(some.map((id) => observer.task(name, taskIdOf(name, id))));
    for (const [i, id] of some.entries()) found.set(id, tasks[i] ?? null);
  }
  return found;
}

/** Expects a task for each job, in the right state and with the data of the job, and no other task. */
async function expectMoved(name: string, { byState }: Seeded): Promise<void> {
  const { pending, scheduled, dead, completed } = await observer.stats(name);
  const [waiting, prioritized, delayed, failed] = STATES.map((state) => byState[state].size);
  expect({ pending, scheduled, dead, completed }).toEqual({
    ...{ pending: Number(waiting) + Number(prioritized), scheduled: delayed, dead: failed, completed: 0 },
  });
  const fits = { waiting: "pending", prioritized: "pending", delayed: "scheduled", failed: "dead" };
  for (const state of STATES) {
    const tasks = await tasksOf(name, byState[state].keys());
    const wrong = [...byState[state]].filter(([id, data]) => {
      const task = tasks.get(id);
      return task?.payloadText !== data || task.state !== fits[state];
    });
    expect([state, wrong]).toEqual([state, []]);
  }
  expect((await observer.audit(name)).violations).toEqual([]);
}

/** Starts an import, and kills it once `isUnderWay` resolves to true. */
async function killed(command: string[], isUnderWay: () => Promise<boolean>): Promise<void> {
  const running = start(command, { REDIS_URL: server.url });
  await until("the import has begun", isUnderWay, 60_000);
  running.child.kill("SIGKILL");
  expect((await running.ended).code).toBeNull();
}

test("an import that is killed twice and repeated moves every job once, byte for byte, and does not change BullMQ", async () => {
  const name = "killed";
  const jobs = await seeded(name, EACH);
  await killed(args(name), async () => (await stats(name)).pending >= 500);
  const inTheMiddle = await stats(name);
  expect(inTheMiddle.pending + inTheMiddle.scheduled + inTheMiddle.dead).toBeLessThan(4 * EACH);
  await killed(args(name), async () => (await stats(name)).dead >= 1);
  expect((await stats(name)).dead).toBeLessThan(EACH);

  const report = await json<ImportReport>(...args(name));
  await expectMoved(name, jobs);
  const sum = report.states.map(({ state, moved, alreadyThere }) => [state, moved + alreadyThere]);
  expect(sum).toEqual(
    ["waiting", "paused", "prioritized", "delayed", "failed"].map((state) => [
      state,
      state === "paused" ? 0 : EACH,
    ]),
  );
  expect(report.states.find(({ state }) => state === "waiting")).toMatchObject({
    moved: 0,
    alreadyThere: EACH,
  });
  expect(report).toMatchObject({ left: { active: 2, completed: 5, waitingChildren: 1 } });
  expect(report.schedulers).toEqual([
    { id: "nightly", name: "report", pattern: "0 3 * * *", everyMs: null, timeZone: "Europe/Berlin" },
  ]);
  const again = await json<ImportReport>(...args(name));
  expect(again.states.map(({ moved, refused, removed }) => [moved, refused, removed])).toEqual(
    again.states.map(() => [0, 0, 0]),
  );
  await expectMoved(name, jobs);
  expect(await movable(redis, name)).toEqual(jobs.byState);
}, 600_000);

const stats = async (name: string) =>
  (await observer.queues()).includes(name)
    ? observer.stats(name)
    : { pending: 0, scheduled: 0, dead: 0, completed: 0 };

test("with --remove, each job is removed from BullMQ once its task is stored, even after a kill; active jobs stay", async () => {
  const name = "removed";
  const jobs = await seeded(name, 1_000);
  await killed([...args(name), "--remove"], async () => (await redis.llen(`bull:${name}:wait`)) <= 500);
  const report = await json<ImportReport>(...args(name), "--remove");
  expect(report.states.map(({ refused }) => refused)).toEqual([0, 0, 0, 0, 0]);
  await expectMoved(name, jobs);
  const queue = new BullQueue(name, { connection: { url: server.url } });
  expect(await queue.getJobCounts()).toMatchObject({
    ...{ waiting: 0, prioritized: 0, failed: 0, active: 2, completed: 5, "waiting-children": 1 },
    // This job is the next run of a scheduler. Such a job is not moved.
    delayed: 1,
  });
  await queue.close();
  // Redis keeps the hashes of the 9 jobs that stay (2 active, 5 completed, 1 parent, 1 child), and of the next run of
  // the scheduler.
  const hashes = (await redis.keys(`bull:${name}:*`)).filter((key) =>
    /:(\d+|repeat:nightly:\d+|[\w-]{36})$/.test(key),
  );
  expect(hashes).toHaveLength(10);
  const history = await json<{ action: string; count: number; reason: string }[]>("history", "--queue", name);
  expect(history[0]).toMatchObject({
    action: "task.enqueue_batch",
    reason: `import of BullMQ queue ${name}`,
  });
});

test("a job keeps its order, time, retries and backoff, and a failed job keeps its error and its attempts", async () => {
  const name = "mapped";
  const { byState } = await seeded(name, 8);
  await cli(...args(name), "--high-up-to", "1", "--low-from", "5");
  const first = [...byState.waiting.keys()].at(-1) as string;
  const waiting = (await tasksOf(name, [first])).get(first);
  expect(waiting).toMatchObject({
    ...{ type: "waits", maxRetries: 3, priority: "high" },
    backoff: { kind: "exponential", baseMs: 1_000, jitter: "none" },
  });
  const listed = await observer.list(name, { state: "pending", limit: 100 });
  const normal = listed.tasks.filter(({ priority }) => priority === "normal").map(({ id }) => id);
  const inOrder = [...byState.prioritized.keys()].filter((id) => [2, 3, 4].includes(1 + (numberIn(id) % 7)));
  expect(normal).toEqual(inOrder.map((id) => taskIdOf(name, id)));
  const [delayed = ""] = byState.delayed.keys();
  const [timestamp, delay] = await redis.hmget(`bull:${name}:${delayed}`, "timestamp", "delay");
  expect((await tasksOf(name, [delayed])).get(delayed)?.runAt).toBe(Number(timestamp) + Number(delay));
  const dead = await tasksOf(name, byState.failed.keys());
  const byNumber = new Map([...dead.values()].map((task) => [JSON.parse(task?.payloadText ?? "").i, task]));
  expect(byNumber.get(0)).toMatchObject({ deadReason: "retries_exhausted", attempts: 1, maxRetries: 0 });
  expect(byNumber.get(5)).toMatchObject({ deadReason: "fatal", attempts: 1, maxRetries: 1 });
  expect(byNumber.get(3)).toMatchObject({
    ...{ deadReason: "retries_exhausted", attempts: 2, failures: 2, maxRetries: 1 },
    lastError: expect.stringMatching(/^Error: no 3\n\s+at /),
  });
  const id = taskIdOf(name, [...byState.failed.keys()][0] as string);
  const finishedOn = await redis.hget(`bull:${name}:${[...byState.failed.keys()][0]}`, "finishedOn");
  expect((await observer.task(name, id))?.endedAt).toBe(Number(finishedOn));
  expect(await observer.replay(name, [id])).toEqual([{ id, outcome: "replayed" }]);
});

const numberIn = (id: string) => Number(/\d+/.exec(id)?.[0]);

test("a dry run reads and reports, and stores and removes nothing", async () => {
  const name = "dry";
  await seeded(name, 3);
  const { code, stdout, stderr } = await cli(...args(name), "--dry-run", "--remove");
  expect(code).toBe(0);
  expect(stdout).toMatch(/STATE +READ +WOULD MOVE/);
  expect(stdout).toMatch(/^failed +3 +3 +0/m);
  expect(stderr).toContain("not moved: 2 active");
  expect(stderr).toContain("nightly (report): 0 3 * * * Europe/Berlin");
  expect(stderr).toContain("skipped: 1 job (repeat:nightly:");
  expect(await observer.queues()).not.toContain(name);
  expect(await redis.llen(`bull:${name}:wait`)).toBe(3);
});

test("jobs that cannot become tasks stay and are refused with a reason, and --type gives others a type", async () => {
  const name = "odd";
  const queue = new BullQueue(name, { connection: { url: server.url } });
  onTestFinished(() => queue.close());
  await queue.pause();
  await queue.add("Send mail", { to: "ada" });
  await queue.add("big", "x".repeat(262_144));
  const { id: bytes } = await queue.add("bytes", "x");
  await redis.hset(`bull:${name}:${bytes}`, "data", Buffer.from([0x22, 0xf0, 0x90, 0x80, 0x22]));
  await queue.add("kept", 1, {
    lifo: true,
    backoff: { type: "mine" },
    attempts: 200,
    deduplication: { id: "d" },
  });
  const first = await cli(...args(name), "--remove");
  expect(first.code).toBe(1);
  expect(first.stderr).toContain(`"Send mail" is not a valid task type: add --type 'Send mail'=<type>`);
  expect(first.stderr).toContain("the payload is larger than 262144 bytes");
  expect(first.stderr).toContain("the payload is not UTF-8");
  expect(first.stderr).toContain('changed: 1 job (4): the backoff strategy "mine" is replaced');
  expect(first.stderr).toContain("more than 100 retries are cut to 100");
  expect(first.stderr).toContain("lifo is dropped");
  expect(first.stderr).toContain("the deduplication id is dropped");
  const second = await cli(...args(name), "--remove", "--type", "Send mail=mail.send", "--state", "waiting");
  expect(second.stdout).toMatch(/^waiting +3 +1 +0 +0 +2 +1$/m);
  expect(await redis.llen(`bull:${name}:wait`)).toBe(2);
  expect(await observer.task(name, taskIdOf(name, "1"))).toMatchObject({ type: "mail.send" });
});

test("a job is refused if it has the number of an earlier job, because its queue was obliterated in between", async () => {
  const name = "reborn";
  const queue = new BullQueue(name, { connection: { url: server.url } });
  onTestFinished(() => queue.close());
  await queue.pause();
  await queue.add("t", 1, { timestamp: 1_000 });
  await cli(...args(name), "--remove");
  await redis.del(`bull:${name}:id`);
  await queue.add("t", 1, { timestamp: 2_000 });
  const { code, stderr } = await cli(...args(name), "--remove");
  expect(code).toBe(1);
  expect(stderr).toContain("another task has its id");
  expect(await redis.llen(`bull:${name}:wait`)).toBe(1);
});

test("the commands in the guide work", async () => {
  const queue = new BullQueue("invoices", { connection: { url: server.url } });
  onTestFinished(() => queue.close());
  await queue.pause();
  await queue.add("invoice.send", { to: "ada" });
  const page = readFileSync(join(root, "docs/migrating/bullmq.md"), "utf8");
  const block = /<!-- cli: .*? -->\s*```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const typed = block.replaceAll("redis://127.0.0.1:6379", server.url);
  const prelude = `set -euo pipefail\nholdfast() { "${root}/node_modules/.bin/holdfast" "$@"; }\n`;
  const env = { PATH: process.env.PATH ?? "", REDIS_URL: server.url };
  const { stdout } = await promisify(execFile)("bash", ["-c", prelude + typed], { env, timeout: 50_000 });
  expect(stdout).toMatch(
    /^STATE +READ +WOULD MOVE[\s\S]*^STATE +READ +MOVED[\s\S]*^waiting +1 +1 +0 +0 +0 +1$/m,
  );
  expect(await observer.stats("billing")).toMatchObject({ pending: 1 });
});

test.each([
  [["--queue", "none"], 3, 'there is no BullMQ queue "none" with the prefix "bull"'],
  [["--queue", "there", "--from-prefix", "other"], 3, 'with the prefix "other"'],
  [["--queue", "wrong"], 3, 'its key "bull:wrong:wait" is a string, not a list'],
  [["--queue", "of-bull"], 3, "this queue was written by Bull"],
  [["--queue", "there"], 4, 'BullMQ queue "there" is not paused'],
  [["--queue", "a b"], 2, '"a b" is not a valid queue name: add --to <queue>'],
  [["--queue", "there", "--state", "active"], 2, "It has to be one of waiting"],
  [["--queue", "there", "--type", "x"], 2, "It has to be the name of jobs and a task type"],
  [["--queue", "there", "--high-up-to", "3"], 2, "--high-up-to has to be less than --low-from"],
  [["--queue", "there", "--from-file", "none.txt"], 2, "either --from <url> or --from-file <file>"],
  [["--queue", "there", "--from", "http://x"], 2, "--from: the Redis URL begins with http://"],
  [
    ["--queue", "there", "--from", "redis://127.0.0.1:1"],
    5,
    "--from: cannot reach Redis at 127.0.0.1:1: connect ECONNREFUSED",
  ],
  [["--from", "redis://127.0.0.1:1"], 2, "--queue <name>' not specified"],
])("%j ends with %i and one line", async (given, exitCode, message) => {
  const queue = new BullQueue("there", { connection: { url: server.url } });
  await queue.waitUntilReady();
  await queue.close();
  await redis.set("bull:wrong:wait", "x");
  await redis.set("bull:of-bull:id", "1");
  const from = given.includes("--from") ? [] : ["--from", server.url];
  const { code, stderr, stdout } = await cli("import", "bullmq", ...from, ...given);
  expect(stderr).toContain(message);
  expect([code, stdout, stderr.trim().split("\n")]).toEqual([exitCode, "", [expect.any(String)]]);
});

test("a queue that is not paused is imported only with --even-if-running, and a Cluster is refused", async () => {
  const queue = new BullQueue("runs", { connection: { url: server.url } });
  onTestFinished(() => queue.close());
  await queue.add("t", { a: 1 });
  expect((await cli(...args("runs"), "--even-if-running", "--to", "elsewhere")).code).toBe(0);
  expect(await observer.task("elsewhere", taskIdOf("runs", "1"))).toMatchObject({ payloadText: '{"a":1}' });
  const cluster = await startRedisServer(["--cluster-enabled", "yes"]);
  onTestFinished(() => cluster.stop());
  const { code, stderr } = await cli("import", "bullmq", "--from", cluster.url, "--queue", "runs");
  expect([code, stderr]).toEqual([2, expect.stringContaining("is a Redis Cluster")]);
});
