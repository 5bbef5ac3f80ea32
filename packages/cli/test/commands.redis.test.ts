// This file has more than 500 lines, because all its tests share the Redis and the queues at its top.
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { FatalError, Holdfast, Janitor, Observer, Queue, Worker } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { cliFor, type Ended, start } from "./support.ts";

let redis: RedisServer;
let folder: string;
let client: Holdfast;
let observer: Observer;
const stopping: (() => Promise<unknown>)[] = [];
const { cli, withInput, json } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  folder = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  client = new Holdfast({ redis: redis.url });
  observer = new Observer({ client });
});

afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
});

afterAll(async () => {
  await client?.close();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a worker that completes tasks of type `ok`. All other tasks become dead letters. */
async function runWorker(queue: string, { hasJanitor = true } = {}): Promise<void> {
  const handlers = {
    ok: () => "done",
    bad: (task: { id: string }) => {
      throw new FatalError(`no way, ${task.id}\u001b[2J`);
    },
  };
  const worker = new Worker(queue, handlers, { redis: redis.url, version: "1.0.0" });
  stopping.push(() => worker.stop({ graceMs: 1_000 }));
  await worker.start();
  if (!hasJanitor) return;
  // The janitor sweeps only this queue, because it still runs during the following tests.
  const janitor = new Janitor({ redis: redis.url, queues: [queue] });
  stopping.push(() => janitor.stop({ graceMs: 1_000 }));
  await janitor.start();
}

async function killFour(queue: string): Promise<void> {
  for (const id of ["a", "b", "c", "d"]) await json("enqueue", queue, "bad", `{"n":"${id}"}`, "--id", id);
  await runWorker(queue);
  await until("the queue has four dead letters", async () => (await observer.stats(queue)).dead === 4);
}

test("a payload is kept byte for byte, from the command line and from standard input", async () => {
  const text = '{ "n": 12345678901234567890 }';
  const first = await json<{ id: string; state: string }>("enqueue", "exact", "ok", text);
  expect(first.state).toBe("pending");
  expect((await observer.task("exact", first.id))?.payloadText).toBe(text);
  const { code, stdout } = await withInput(`${text}\n`, "enqueue", "exact", "ok", "-", "--json");
  expect(code).toBe(0);
  expect((await observer.task("exact", JSON.parse(stdout).id))?.payloadText).toBe(text);
});

test("a byte order mark in front of a payload or of lines is skipped", async () => {
  const payload = await withInput('\ufeff{"n":1}', "enqueue", "marked", "ok", "-", "--id", "p", "--json");
  expect(payload).toMatchObject({ code: 0 });
  expect((await observer.task("marked", "p"))?.payloadText).toBe('{"n":1}');
  const line = (id: string) => `{"type":"ok","id":"${id}","payload":1}`;
  const lines = await withInput(`\ufeff${line("a")}\n${line("b")}\n`, "enqueue", "marked", "--ndjson", "-");
  expect(lines).toMatchObject({ code: 0, stderr: "" });
  expect((await observer.stats("marked")).pending).toBe(3);
});

test("the task has the options of the command", async () => {
  const options = [
    "--id",
    "x",
    "--priority",
    "high",
    "--delay",
    "2h",
    "--max-retries",
    "7",
    "--timeout",
    "90s",
  ];
  await json("enqueue", "options", "ok", "1", ...options, "--tag", "one", "--tag", "two");
  expect(await observer.task("options", "x")).toMatchObject({
    state: "scheduled",
    priority: "high",
    maxRetries: 7,
    timeoutMs: 90_000,
    tags: ["one", "two"],
  });
  expect((await json<{ runAt: number }>("task", "get", "options", "x")).runAt).toBeGreaterThan(
    Date.now() + 7e6,
  );
});

test("the same id with the same task is accepted once, and with another task it is a conflict", async () => {
  expect(await json("enqueue", "once", "ok", "1", "--id", "x")).toMatchObject({ duplicate: false });
  expect(await json("enqueue", "once", "ok", "1", "--id", "x")).toMatchObject({ duplicate: true });
  const other = await cli("enqueue", "once", "ok", "2", "--id", "x");
  expect(other).toMatchObject({ code: 4, stdout: "" });
  expect((await observer.stats("once")).pending).toBe(1);
});

test("--wait shows how the task ended, and so does the exit code", async () => {
  await runWorker("wait");
  const good = await cli("enqueue", "wait", "ok", "1", "--wait", "10s", "--json");
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ state: "completed", resultText: '"done"' });
  const bad = await cli("enqueue", "wait", "bad", "1", "--wait", "10s");
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(/^reason +fatal$/m);
});

test("--wait says if an operator has removed the task", async () => {
  await observer.configure("fleeting", {});
  const waiting = cli("enqueue", "fleeting", "ok", "1", "--id", "a", "--delay", "1m", "--wait", "20s");
  await until("the task is stored", async () => (await observer.task("fleeting", "a")) !== null);
  await observer.empty("fleeting", ["scheduled"]);
  const { code, stdout, stderr } = await waiting;
  expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  expect(stderr).toMatch(
    /task a was accepted\n.*there is no record of task "a": it ended, or an operator removed it/,
  );
});

test("a filter selects the same dead letters for a list, a count and a replay", async () => {
  const lines = ["acme", "beta", "acme"].map((tenant, n) =>
    JSON.stringify({
      type: "bad",
      id: `${tenant}-${n}`,
      payload: { To: "A@Example" },
      tags: [`tenant:${tenant}`],
    }),
  );
  expect((await withInput(lines.join("\n"), "enqueue", "narrow", "--ndjson", "-")).code).toBe(0);
  expect(await json("task", "ls", "narrow", "--tag", "tenant:acme")).toHaveLength(2);
  await runWorker("narrow");
  await until("the queue has three dead letters", async () => (await observer.stats("narrow")).dead === 3);
  const of = async (...filter: string[]) => [
    (await json<object[]>("dlq", "ls", "narrow", ...filter)).length,
    (await json<{ matched: number }>("dlq", "replay", "narrow", ...filter, "--dry-run")).matched,
  ];
  expect(await of("--tag", "tenant:acme")).toEqual([2, 2]);
  expect(await of("--tag", "tenant")).toEqual([0, 0]);
  expect(await of("--search", "a@EXAMPLE")).toEqual([3, 3]);
  expect(await of("--search", "BETA", "--error", "NO WAY", "--reason", "fatal")).toEqual([1, 1]);
  expect(await of("--since", "2125-01-01T00:00:00Z")).toEqual([0, 0]);
  expect(await of("--signature", "Error: none")).toEqual([0, 0]);
  expect(await of("--query", "tag:tenant:ac* payload.To:a@example -reason:no_handler")).toEqual([2, 2]);
  expect(await of("--query", "error~way", "--tag", "tenant:beta")).toEqual([1, 1]);
  const everywhere = await cli("task", "ls", "--query", "queue:narrow tag:tenant:acme");
  expect(everywhere).toMatchObject({ code: 0, stderr: "scanned 3 of 3 tasks\n" });
  expect(everywhere.stdout).toMatch(/^QUEUE +ID .*\nnarrow +acme-\d .*\nnarrow +acme-\d .*\n$/);
  expect(await json("task", "ls", "narrow", "--query", "id:acme-0,beta-1")).toHaveLength(2);
  expect((await cli("dlq", "ls", "narrow", "--tag", "")).code).toBe(2);
  expect(await json("dlq", "discard", "narrow", "--tag", "tenant:beta", "--yes")).toMatchObject({
    discarded: 1,
  });
  expect(await json("dlq", "replay", "narrow", "--tag", "tenant:acme")).toMatchObject({
    replayed: 2,
    skipped: 0,
  });
});

test.each([
  [["enqueue", "q"], "the type of the task is missing"],
  [["enqueue", "q", "ok", "{bad"], "the payload is not valid JSON"],
  [["enqueue", "q", "ok", "[".repeat(65) + "]".repeat(65)], "the payload nests deeper than 64 levels"],
  [["dlq", "replay", "q", "a", "--payload", "[".repeat(65) + "]".repeat(65)], "nests deeper than 64 levels"],
  [["enqueue", "q", "ok", "--delay", "5"], "has to be a duration"],
  [["enqueue", "q", "ok", "--run-at", "tomorrow"], "has to be a time"],
  [["task", "ls", "--query", "tpye:a"], 'query: unknown field "tpye" at position 0: did you mean "type"?'],
  [["dlq", "discard", "q", "--query", "died:2h", "--yes"], "write died:<2h or died:>2h"],
  [["dlq", "discard", "q", "--query", "", "--yes"], "--query is empty"],
  [["task", "ls", "--state", "dead"], "--state needs a queue"],
  [["enqueue", "no/queue", "ok"], "is not a valid queue name"],
  [["enqueue", "q", "n o"], "is not a valid task type"],
  [["enqueue", "q", "ok", "--ndjson", "-"], "each line has its own type"],
  [["enqueue", "q", "--ndjson", "/no/such/file"], "there is no file"],
  [["queue", "ls", "extra"], "too many arguments"],
  [["quue"], "unknown command 'quue' (Did you mean queue?)"],
  [["queue", "ls", "-o", "xml"], "Allowed choices are table, json, ndjson"],
  [["dlq", "replay", "q"], "one of the three"],
  [["dlq", "replay", "q", "a", "--all"], "one of the three"],
  [["top", "--interval", "1ms"], "100ms or more"],
  [["--redis", "http://user:hunter2@host", "queue", "ls"], "--redis: the Redis URL begins with http://"],
  [["--prefix", "{x}", "queue", "ls"], "is not a valid prefix of keys"],
])("%j ends with one line on stderr and exit code 2", async (args, message) => {
  const { code, stdout, stderr } = await cli(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^holdfast: [^\n]+\n$/);
  expect(stderr).not.toContain("hunter2");
});

test("if Redis refuses the user, the command exits at once with 6 and does not print the password", async () => {
  const { host } = new URL(redis.url);
  const refused = await cli("--redis", `redis://nobody:hunter2@${host}`, "queue", "ls");
  expect(refused).toMatchObject({ code: 6, stdout: "" });
  expect(refused.stderr).toMatch(/^holdfast: Redis refuses this user: [^\n]*WRONGPASS[^\n]*\n$/);
  expect(refused.stderr).not.toContain("hunter2");
});

test("the exit code is 3 if nothing is found, and 5 if Redis does not answer", async () => {
  expect(await cli("queue", "show", "nowhere")).toMatchObject({ code: 3, stdout: "" });
  await json("enqueue", "there", "ok");
  for (const verb of ["get", "cancel", "why"])
    expect(await cli("task", verb, "there", "nobody")).toMatchObject({ code: 3, stdout: "" });
  const gone = await cli("--redis", "redis://user:hunter2@127.0.0.1:1", "queue", "ls");
  expect(gone).toMatchObject({ code: 5, stdout: "" });
  expect(gone.stderr).toMatch(/^holdfast: cannot reach Redis at 127\.0\.0\.1:1: [^\n]+\n$/);
  expect(gone.stderr).not.toContain("hunter2");
});

test("queues are listed, shown, paused and resumed", async () => {
  await json("enqueue", "look", "ok", "--priority", "low");
  const table = await cli("queue", "ls");
  expect(table.stdout).toMatch(/^QUEUE +STATE +PENDING/);
  expect(table.stdout).toMatch(/^look +running +1 /m);
  expect(await json<object[]>("queue", "ls")).toContainEqual(
    expect.objectContaining({ queue: "look", pending: 1 }),
  );
  const lines = (await cli("queue", "ls", "-o", "ndjson")).stdout.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).queue)).toContain("look");
  await json("queue", "pause", "look", "--reason", "deploying");
  expect(await json("queue", "show", "look")).toMatchObject({
    ...{ paused: true, pauseReason: "deploying" },
    ...{ pausedBy: userInfo().username, pausedAt: expect.any(Number) },
  });
  expect((await cli("queue", "show", "look")).stdout).toMatch(
    /^state +paused: deploying\npaused by +\S+\npaused since +\d{4}-.*Z$/m,
  );
  await json("queue", "resume", "look");
  expect((await observer.stats("look")).paused).toBe(false);
});

test("tasks are listed a page at a time, explained and cancelled", async () => {
  for (const id of ["a", "b", "c"]) await json("enqueue", "list", "ok", "--id", id);
  const page = await cli("task", "ls", "list", "--limit", "2", "--json");
  expect(JSON.parse(page.stdout).map(({ id }: { id: string }) => id)).toEqual(["a", "b"]);
  const cursor = /more: --cursor (\S+)/.exec(page.stderr)?.[1] ?? "";
  expect(await json<object[]>("task", "ls", "list", "--cursor", cursor)).toMatchObject([{ id: "c" }]);
  expect(await json("task", "why", "list", "a")).toMatchObject({ reason: "no_workers" });
  const given = { id: "a", queue: "list", event: "go" };
  expect(await json("task", "signal", "list", "a", "go", '{"n":1}')).toEqual({ ...given, outcome: "kept" });
  expect(await cli("task", "signal", "list", "a", "go", "{")).toMatchObject({ code: 2, stdout: "" });
  expect(await cli("task", "signal", "list", "nobody", "go")).toMatchObject({ code: 3, stdout: "" });
  expect(await json("task", "cancel", "list", "a")).toEqual({ id: "a", queue: "list", outcome: "cancelled" });
  await runWorker("list");
  await until("the other tasks are completed", async () => (await observer.stats("list")).completed === 2);
  expect(await cli("task", "cancel", "list", "b")).toMatchObject({ code: 4, stdout: "" });
  expect(await cli("task", "signal", "list", "a", "go")).toMatchObject({ code: 4, stdout: "" });
});

test("text of a task cannot send commands to the terminal", async () => {
  // JSON.stringify escapes \u001b. It does not escape its one-character form \u009b, nor the mark \u202e that
  // reverses text.
  await json("enqueue", "escape", "bad", '"\u009b2J\u202e"', "--id", "x");
  await runWorker("escape");
  await until("the task is dead", async () => (await observer.stats("escape")).dead === 1);
  const { stdout } = await cli("task", "get", "escape", "x");
  for (const order of ["\u001b", "\u009b", "\u202e"]) expect(stdout).not.toContain(order);
  expect(stdout).toContain("\\u009b2J\\u202e");
  expect(stdout).toContain("no way, x\\u001b[2J");
});

test("dead letters are shown, replayed and discarded", async () => {
  await killFour("dead");
  const table = await cli("dlq", "ls", "dead");
  expect(table.stdout).toMatch(/^a +bad +fatal +1 .* no way, a/m);
  expect(await json("dlq", "show", "dead", "a")).toMatchObject({
    state: "dead",
    lastError: expect.any(String),
  });
  await json("queue", "pause", "dead");

  expect(await json("dlq", "replay", "dead", "--all", "--dry-run")).toEqual({ dryRun: true, matched: 4 });
  expect(await json("dlq", "replay", "dead", "a", "--payload", "[1]")).toEqual([
    { id: "a", outcome: "replayed" },
  ]);
  expect(await observer.task("dead", "a")).toMatchObject({
    state: "pending",
    payloadText: "[1]",
    generation: 1,
  });
  expect(await cli("dlq", "show", "dead", "a")).toMatchObject({ code: 4, stdout: "" });
  expect((await cli("dlq", "replay", "dead", "a", "b")).code).toBe(4);
  expect((await cli("dlq", "replay", "dead", "nobody")).code).toBe(3);
  expect(await json("dlq", "replay", "dead", "--type", "ok")).toEqual({
    replayed: 0,
    skipped: 0,
    operationId: expect.stringMatching(/^op_/),
  });
  expect(await json("dlq", "replay", "dead", "c", "--to", "other")).toMatchObject([{ outcome: "moved" }]);

  const careless = await cli("dlq", "discard", "dead", "--reason", "fatal");
  expect(careless).toMatchObject({ code: 2, stdout: "" });
  expect(careless.stderr).toContain("discards 1 dead letter; add --yes");
  expect((await observer.stats("dead")).dead).toBe(1);
  expect(await json("dlq", "discard", "dead", "--reason", "fatal", "--yes")).toEqual({
    discarded: 1,
    skipped: 0,
    operationId: expect.stringMatching(/^op_/),
  });
  expect((await observer.stats("dead")).dead).toBe(0);
});

test("a replay that is interrupted stays listed as an operation, which can be cancelled", async () => {
  await killFour("slowly");
  await json("queue", "pause", "slowly");
  const running = start(["dlq", "replay", "slowly", "--all", "--rate", "1"], { REDIS_URL: redis.url });
  await until("one dead letter is replayed", async () => (await observer.stats("slowly")).dead < 4);
  running.child.kill("SIGINT");
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  const [, id = ""] = /^operation (op_\S+) continues without this command/m.exec(stderr) ?? [];
  const { dead } = await observer.stats("slowly");
  expect(dead).toBeGreaterThan(0);
  expect(await json("operation", "show", id)).toMatchObject({
    kind: "replay",
    queue: "slowly",
    done: 4 - dead,
  });
  expect(await json("operation", "cancel", id)).toMatchObject({ id });
});

test("each line of NDJSON is a task, and a bad line is named and does not stop the others", async () => {
  const file = join(folder, "tasks.ndjson");
  const rejects = join(folder, "rejects.ndjson");
  const bad = [
    "{",
    '{"payload":1}',
    '{"type":"ok"}',
    `{"type":"ok","payload":${"[".repeat(65)}${"]".repeat(65)}}`,
    '{"type":"ok","nope":1}',
    '{"type":"ok","type":"ok"}',
    '{"type":"n o"}',
    "[]",
  ];
  const good = [
    '{"type":"ok","id":"big","payload":{"n":12345678901234567890, "s":"}\\"{"}}',
    `{"type":"ok","payload":${"[".repeat(64)}${"]".repeat(64)}}`,
  ];
  await writeFile(file, [good[0], ...bad, "", good[1]].join("\n"));
  const { code, stdout, stderr } = await cli(
    "enqueue",
    "lines",
    "--ndjson",
    file,
    "--rejects",
    rejects,
    "-o",
    "ndjson",
  );
  expect(code).toBe(1);
  const results = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(results.filter(({ error }) => error === null).map(({ line }) => line)).toEqual([1, 11]);
  expect(results).toHaveLength(10);
  expect(stderr.match(/^holdfast: line \d+: /gm)).toHaveLength(8);
  expect(stderr).toContain('line 4: the task needs a "payload"; use "payload":null for none');
  expect((await observer.task("lines", "big"))?.payloadText).toBe('{"n":12345678901234567890, "s":"}\\"{"}');
  expect((await readFile(rejects, "utf8")).trimEnd().split("\n").sort()).toEqual([...bad].sort());
  // The command does not overwrite the file of another run.
  expect((await cli("enqueue", "lines", "--ndjson", file, "--rejects", rejects)).code).toBe(2);
});

const manyLines = (count: number) =>
  Array.from({ length: count }, (_, n) => `{"type":"ok","payload":${n}}`).join("\n");

/** Runs a command whose stdout is a device that is always full. */
async function onFullDisk(input: string, ...args: string[]): Promise<Ended> {
  const disk = await open("/dev/full", "w");
  const running = start(args, { REDIS_URL: redis.url }, disk.fd);
  running.child.stdin?.end(input);
  const ended = await running.ended;
  await disk.close();
  return ended;
}

test("if the reader of the output ends, the work continues, and a message says so", async () => {
  const running = start(["enqueue", "pipe", "--ndjson", "-", "-o", "ndjson"], { REDIS_URL: redis.url });
  running.child.stdout?.destroy();
  running.child.stdin?.end(manyLines(3_000));
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toContain(
    "holdfast: all 3000 lines were sent: 3000 accepted, 0 refused\n" +
      "holdfast: the output could not be written: its reader has ended (EPIPE)\n",
  );
  expect((await observer.stats("pipe")).pending).toBe(3_000);
});

test.each([
  [["queue", "ls"]],
  [["queue", "ls", "-o", "ndjson"]],
  [["--help"]],
  [["completion", "bash"]],
  [["enqueue", "full", "ok", "1"]],
])("%j on a full disk ends with one line on stderr and exit code 1", async (args) => {
  await json("enqueue", "full", "ok", "1");
  const { code, stderr } = await onFullDisk("", ...args);
  expect(stderr).toMatch(/^holdfast: the output could not be written: ENOSPC[^\n]+\n$/);
  expect(code).toBe(1);
});

test("an import whose results cannot be written stops, and says how far it came", async () => {
  const lines = `\n${manyLines(20_000)}`;
  const { code, stderr } = await onFullDisk(lines, "-o", "ndjson", "enqueue", "import", "--ndjson", "-");
  expect(code).toBe(1);
  const { pending } = await observer.stats("import");
  expect(pending).toBeLessThan(20_000);
  // The first line is empty. The line number in the message counts it, as an editor does.
  expect(stderr).toMatch(
    new RegExp(
      `^holdfast: the output could not be written: ENOSPC.*: stopped after ${pending} accepted tasks; line ${pending + 2} and all lines after it were not sent$`,
      "m",
    ),
  );
  expect(stderr).not.toContain("    at ");
});

test("an import whose input cannot be read, or whose refused lines cannot be written, says how far it came", async () => {
  const unreadable = await cli("enqueue", "unreadable", "--ndjson", folder);
  expect(unreadable).toMatchObject({ code: 1 });
  expect(unreadable.stderr).toMatch(/^holdfast: EISDIR[^\n]*: stopped after 0 accepted tasks$/m);
  const nowhere = await cli("enqueue", "unreadable", "--ndjson", "-", "--rejects", join(folder, "no", "x"));
  expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringMatching(/^holdfast: ENOENT.*$/m) });
});

test("a burst enqueues demo tasks and nothing else", async () => {
  expect(await json("burst", "load", "--tasks", "1200")).toMatchObject({ enqueued: 1_200 });
  expect((await observer.stats("load")).pending).toBe(1_200);
  expect((await cli("burst", "load", "--type", "email.send")).code).toBe(2);
});

test("the commands treat a partitioned queue as one queue", async () => {
  const queue = new Queue("orders", { client, partitions: 3 });
  await queue.partitions();
  const { id } = await json<{ id: string }>("enqueue", "orders", "ok", "1", "--partition-key", "customer-1");
  expect(await json("task", "get", "orders", id)).toMatchObject({ queue: "orders", state: "pending" });
  expect(await json("queue", "show", "orders")).toMatchObject({ partitions: 3, pending: 1 });
  expect(await json("queue", "partition", "orders", "5")).toEqual({ queue: "orders", partitions: 5 });
  expect((await cli("queue", "partition", "orders", "2")).stderr).toContain("they hold tasks");
  expect((await cli("queue", "partition", "orders", "257")).code).toBe(2);
  expect(await json("queue", "partition", "new", "2")).toEqual({ queue: "new", partitions: 2 });
  await queue.close();
});

test("workers are listed, and an audit finds extra index entries", async () => {
  // No janitor runs in this test, because it would remove the extra index entry before the audit finds it.
  await runWorker("audited", { hasJanitor: false });
  await until("the worker is registered", async () => (await observer.workers()).length > 0);
  expect(await json<object[]>("worker", "ls")).toContainEqual(
    expect.objectContaining({ version: "1.0.0", queues: ["audited"] }),
  );
  expect(await json("audit", "audited")).toEqual([{ queue: "audited", violations: [], repaired: 0 }]);
  await redis.command("LPUSH queue:{audited}:completed ghost");
  const { code, stdout } = await cli("audit", "audited");
  expect(code).toBe(1);
  expect(stdout).toMatch(/^audited +[1-9]/m);
});

test("a task is kept as its options say, and get shows until when", async () => {
  const words = ["--keep-completed", "1h", "--keep-dead", "7d", "--keep-count", "3"];
  const { id } = await json<{ id: string }>("enqueue", "kept", "ok", "1", ...words);
  expect(await json("task", "get", "kept", id)).toMatchObject({
    keep: { completedMs: 3_600_000, deadMs: 604_800_000, count: 3 },
    keptUntil: null,
  });
  const refused = await cli("enqueue", "kept", "ok", "1", "--keep-count", "0");
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("from 1 to 10000") });
  const never = await cli("enqueue", "kept", "ok", "1", "--keep-dead", "0s");
  expect(never).toMatchObject({ code: 2, stderr: expect.stringContaining("keep.deadMs has to be") });
});

test("a unique key is accepted once, and another enqueue shows the task that holds the key, or exits with 4", async () => {
  const { id } = await json<{ id: string }>("enqueue", "once", "ok", "1", "--unique", "k 1");
  const again = await cli("enqueue", "once", "ok", "2", "--unique", "k 1");
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(
    new RegExp(`id +${id}\n.*duplicate +yes: this task holds the unique key\n`, "s"),
  );
  const refused = await cli("enqueue", "once", "ok", "2", "--unique", "k 1", "--on-conflict", "reject");
  expect(refused).toMatchObject({ code: 4, stdout: "" });
  expect(refused.stderr).toMatch(new RegExp(`^holdfast: task "${id}" holds the unique key[^\n]*\n$`));
  const words = ["--unique", "k 2", "--unique-scope", "window", "--unique-window", "1h"];
  const windowed = await json<{ id: string }>("enqueue", "once", "ok", "3", "--id", "w1", ...words);
  expect(await json("task", "get", "once", windowed.id)).toMatchObject({
    unique: { key: "k 2", scope: "window", windowMs: 3_600_000, holder: windowed.id },
  });
  const alone = await cli("enqueue", "once", "ok", "3", "--on-conflict", "reject");
  expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("need --unique <key>") });
});
