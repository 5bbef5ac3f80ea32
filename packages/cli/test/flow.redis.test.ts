import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
const { cli, withInput, json } = cliFor(() => redis.url);
const folder = mkdtempSync(join(tmpdir(), "holdfast-flow-"));

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});
afterAll(async () => {
  await client.close();
  await redis.stop();
});

const node = (name: string, more: object = {}) => ({ name, type: "t", payload: 1, ...more });
const lines = (values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

test("a flow from a file is created and run, and the commands show it and list its nodes", async () => {
  const file = join(folder, "flow.json");
  const nodes = [node("a"), node("b", { after: ["a"] }), node("c", { after: ["a", "b"] })];
  writeFileSync(
    file,
    JSON.stringify({ id: "f", on: { done: { type: "t", payload: null } }, nodes }, null, 2),
  );
  expect(await json("flow", "create", "one", file)).toEqual({ id: "f", nodes: 3, duplicate: false });
  expect(await json("flow", "create", "one", file)).toEqual({ id: "f", nodes: 3, duplicate: true });
  const table = await cli("flow", "nodes", "one", "f", "--state", "waiting");
  expect(table.stdout).toMatch(
    /^NAME +TYPE +STATE +AFTER +WAITS FOR.*\nb +t +waiting +a +1\nc +t +waiting +a, b +2\n$/,
  );
  const worker = new Worker("one", { t: (task) => task.id }, { redis: redis.url });
  await worker.start();
  const queue = new Queue("one", { client });
  await until("the flow has ended", async () => (await queue.getFlow("f"))?.state === "ended");
  await worker.stop();
  expect(await json("flow", "show", "one", "f")).toMatchObject({
    outcome: "success",
    counts: { completed: 3 },
  });
  const shown = await cli("flow", "show", "one", "f");
  for (const text of [/^state +ended$/m, /^outcome +success$/m, /^completed +3$/m, /^on done +f:done$/m])
    expect(shown.stdout).toMatch(text);
  expect(shown.stdout).not.toContain("expired");
  const page = await cli("flow", "nodes", "one", "f", "--limit", "2", "-o", "ndjson");
  expect(
    page.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([{ name: "a", resultText: '"f.a"' }, { name: "b" }]);
  expect(page.stderr).toBe("more: --cursor 2\n");
  expect((await cli("flow", "ls", "one")).stdout).toMatch(/^ID +STATE +NODES.*\nf +success +3 /);
});

test("a node of a file may be in another queue, which has to exist", async () => {
  const file = join(folder, "over.json");
  const nodes = [node("a"), node("b", { queue: "other" })];
  const on = { done: { type: "t", payload: null, queue: "other" } };
  writeFileSync(file, JSON.stringify({ id: "over", on, nodes }));
  expect((await cli("flow", "create", "one", file)).stderr).toContain('there is no queue "other"');
  await new Queue("other", { client }).ready();
  expect(await json("flow", "create", "one", file)).toMatchObject({ id: "over", nodes: 2 });
  expect(await json("task", "get", "other", "over.b")).toMatchObject({ queue: "other", state: "pending" });
});

test("NDJSON from standard input is stored in parts, and the flow can be left open", async () => {
  const nodes = Array.from({ length: 1_200 }, (_, at) => node(`n${at}`));
  const input = lines([{ id: "f", open: true }, ...nodes]);
  const { code, stdout, stderr } = await withInput(input, "flow", "create", "two", "-");
  expect([code, stderr]).toEqual([0, expect.stringContaining('there is no queue "two" yet')]);
  expect(stdout).toMatch(/^id +f\nnodes +1,200\n$/);
  expect(await json("flow", "show", "two", "f")).toMatchObject({ state: "open", counts: { total: 1_200 } });
  const sealed = await withInput(
    lines([{ id: "f" }, node("n0"), node("last")]),
    "flow",
    "create",
    "two",
    "-",
  );
  expect([sealed.code, sealed.stdout]).toEqual([0, expect.stringMatching(/^nodes +1,201$/m)]);
  expect(await json("flow", "show", "two", "f")).toMatchObject({ state: "running" });
});

test.each([
  ["a file that is missing", ["none.json"], undefined, 'there is no file "none.json"'],
  ["a text that is not an object", ["-"], "oops", "a flow must be a JSON object"],
  ["wrong JSON", ["-"], '{"nodes":[', "not valid JSON"],
  ["a cycle", ["-"], { nodes: [node("a", { after: ["b"] }), node("b", { after: ["a"] })] }, "a -> b -> a"],
  [
    "a field that tasks have but nodes do not",
    ["-"],
    { nodes: [node("a", { id: "x" })] },
    '/nodes/0: "id" is not',
  ],
  ["a wrong option", ["-"], { nodes: [node("a", { maxRetries: -1 })] }, "node a: "],
  [
    "a wrong callback",
    ["-"],
    { nodes: [], on: { done: { payload: 1 } } },
    '/on/done: a callback needs a "type"',
  ],
  ["a wrong field of the flow", ["-"], { nodes: [], sealby: 1 }, '"sealby" is not a field of a flow'],
])("refuses %s in one line", async (_what, [file = ""], input, message) => {
  const text = typeof input === "string" ? input : JSON.stringify(input ?? null);
  const { code, stderr } = await withInput(text, "flow", "create", "refused", file);
  expect([code, stderr.trim().split("\n").at(-1)]).toEqual([2, expect.stringContaining(message)]);
});

test("a wrong line is named, and the message says that the flow is open", async () => {
  const nodes = Array.from({ length: 600 }, (_, at) => node(`n${at}`));
  const input = `${lines([{ id: "f" }, ...nodes])}{oops\n`;
  const { code, stderr } = await withInput(input, "flow", "create", "three", "-");
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/\/nodes\/600: not valid JSON.*; flow "f" is open/),
  ]);
});

test("a flow is cancelled once, after a confirmation, and the history has the cancel", async () => {
  await new Queue("four", { client }).flow({ id: "f", nodes: [node("a"), node("b", { after: ["a"] })] });
  const asked = await cli("flow", "cancel", "four", "f");
  expect([asked.code, asked.stderr]).toEqual([
    2,
    expect.stringContaining('cancel flow "f" with 2 nodes that have not ended: add --confirm four'),
  ]);
  expect(await json("flow", "cancel", "four", "f", "--confirm", "four")).toEqual({
    ...{ id: "f", queue: "four", outcome: "cancelled" },
  });
  expect((await cli("flow", "cancel", "four", "none", "--confirm", "four")).code).toBe(3);
  expect((await cli("flow", "show", "nowhere", "f")).code).toBe(3);
  await new Queue("five", { client }).flow({ id: "over", nodes: [] });
  const late = await cli("flow", "cancel", "five", "over", "--confirm", "five");
  expect([late.code, late.stderr]).toEqual([4, expect.stringContaining('flow "over" has ended')]);
  const records = await json<{ action: string; subject: string; count: number; code: string | null }[]>(
    ...["history", "--queue", "four"],
  );
  expect(records.map(({ action, subject, count, code }) => [action, subject, count, code])).toEqual([
    ["flow.cancel", "f", 2, null],
  ]);
});

test("a replay of a flow replays its dead letters alone, and the flow succeeds", async () => {
  const queue = new Queue("six", { client });
  const options = { maxRetries: 0 };
  const dies = { type: "dies", payload: 1, options };
  await queue.flow({
    id: "f",
    on: { dead: dies },
    nodes: [
      { name: "a", ...dies },
      { name: "b", type: "t", after: ["a"] },
    ],
  });
  await queue.flow({ id: "f2", nodes: [{ name: "a", ...dies }] });
  await queue.enqueue("dies", 1, { ...options, id: "f-a" });
  let broken = true;
  const handlers = {
    t: () => {},
    dies: () => {
      if (broken) throw new Error("no");
    },
  };
  const worker = new Worker("six", handlers, { redis: redis.url });
  await worker.start();
  const observer = new Observer({ client });
  await until("all tasks are dead", async () => (await observer.stats("six")).dead === 4);
  expect(await json("flow", "replay", "six", "f", "--dry-run")).toEqual({ dryRun: true, matched: 2 });
  broken = false;
  expect(await json("flow", "replay", "six", "f", "--rate", "1000")).toMatchObject({
    replayed: 2,
    skipped: 0,
  });
  await until("the flow succeeds", async () => (await queue.getFlow("f"))?.outcome === "success");
  await worker.stop();
  expect((await observer.list("six", { state: "dead" })).tasks.map(({ id }) => id).sort()).toEqual([
    "f-a",
    "f2.a",
  ]);
  expect((await cli("flow", "replay", "six", "none")).code).toBe(3);
  const records = await json<{ action: string; subject: string; count: number }[]>(
    ...["history", "--queue", "six"],
  );
  expect(records).toMatchObject([{ action: "dead_letters.replay", subject: "f", count: 2 }]);
});
