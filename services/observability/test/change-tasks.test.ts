import { expect, test } from "vitest";
import { fakeOperations, taskOf } from "./fakes.ts";
import { setup } from "./setup.ts";

const CHANGE = "/v1/queues/q/tasks/change";
const matching =
  (matched: number, isWhole = true) =>
  async () => ({
    ...{ matched, scanned: matched, total: matched, isWhole },
  });

test("a change of few scheduled tasks is made at once with the given filter, and is audited", async () => {
  const operations = fakeOperations();
  operations.ends = () => ({ state: "succeeded", endedAt: 2, result: { changed: 4, skipped: 1 } });
  const { call, audit } = await setup({ operations, observer: { matchScheduled: matching(5) } });
  const filter = { type: "t", tag: "x", error: "e", q: "q", from: 1, to: 2 };
  const change = { delayMs: 0, priority: "high" };
  const response = await call("POST", CHANGE, { filter, change, reason: "open again" });
  expect(response).toMatchObject({ status: 200 });
  expect(response.json()).toMatchObject({ dryRun: false, matched: 5, changed: 4, skipped: 1 });
  expect(operations.specs[0]).toMatchObject({ kind: "change", queue: "q", selection: { filter }, change });
  expect(await audit()).toMatchObject([
    { action: "task.change", queue: "q", reason: "open again", outcome: "accepted" },
  ]);
});

test.each([
  ["of more than 500", {}, matching(501)],
  ["that is paced", { ratePerSecond: 10 }, matching(1)],
])("a change %s becomes an operation", async (_, more, matchScheduled) => {
  const operations = fakeOperations();
  const { call } = await setup({ operations, observer: { matchScheduled } });
  const response = await call("POST", CHANGE, { all: true, change: { delayMs: 0 }, ...more });
  expect(response.status).toBe(202);
  expect(operations.specs[0]).toMatchObject({ selection: { filter: {} }, ...more });
});

test("a dry run changes nothing, and counts the tasks that wait", async () => {
  const operations = fakeOperations();
  const states: Record<string, "pending" | "scheduled" | "dead"> = {
    a: "pending",
    b: "scheduled",
    c: "dead",
  };
  const task = async (_: string, id: string) => (states[id] ? taskOf(id, { state: states[id] }) : null);
  const { call } = await setup({ operations, observer: { task } });
  const body = { ids: ["a", "b", "c", "none"], change: { delayMs: 0 }, dryRun: true };
  const response = await call("POST", CHANGE, body);
  expect(response.json()).toMatchObject({ dryRun: true, matched: 2, changed: 0, operationId: null });
  expect(operations.specs).toEqual([]);
});

test.each([
  ["no selection", { change: { delayMs: 0 } }],
  ["no change", { all: true }],
  ["an empty change", { all: true, change: {} }],
  ["two times", { all: true, change: { delayMs: 0, runAt: 1 } }],
  ["a payload", { all: true, change: { payloadText: "1" } }],
  ["an empty filter", { filter: {}, change: { delayMs: 0 } }],
  ["a reason of death", { filter: { reason: "fatal" }, change: { delayMs: 0 } }],
])("refuses %s", async (_, body) => {
  const operations = fakeOperations();
  const { call } = await setup({ operations });
  expect((await call("POST", CHANGE, body)).status).toBe(422);
  expect(operations.specs).toEqual([]);
});

test("a change of one task is audited with its id", async () => {
  const { call, audit } = await setup();
  expect((await call("PATCH", "/v1/queues/q/tasks/a", { delayMs: 0 })).json()).toMatchObject({ id: "a" });
  expect(await audit()).toMatchObject([
    { action: "task.change", queue: "q", subject: "a", count: 1, outcome: "succeeded" },
  ]);
});
