import { expect, test, vi } from "vitest";
import { fakeOperations, taskOf } from "./fakes.ts";
import { setup } from "./setup.ts";

test("a replay of ids has a result per id, and is counted and audited", async () => {
  const replay = vi.fn(async (_queue: string, ids: string[]) =>
    ids.map((id) => ({ id, outcome: id === "gone" ? ("not_found" as const) : ("replayed" as const) })),
  );
  const { call, audit } = await setup({ observer: { replay } });
  const response = await call("POST", "/v1/queues/q/dead-letters/replay", {
    ids: ["a", "gone"],
    reason: "fixed",
  });
  expect(response.status).toBe(200);
  expect(response.json()).toEqual({
    dryRun: false,
    matched: 2,
    replayed: 1,
    skipped: 1,
    results: [
      { id: "a", outcome: "replayed" },
      { id: "gone", outcome: "not_found" },
    ],
  });
  expect(await audit()).toMatchObject([
    { action: "dead_letters.replay", queue: "q", count: 1, reason: "fixed", outcome: "succeeded" },
  ]);
  const { body } = await call("GET", "/metrics");
  expect(body).toContain('holdfast_dead_letters_replayed_total{queue="q",outcome="replayed"} 1');
  expect(body).toContain('holdfast_dead_letters_replayed_total{queue="q",outcome="not_found"} 1');
  // The audit record of a replay of one task names that task.
  await call("POST", "/v1/queues/q/dead-letters/replay", { ids: ["a"] });
  expect((await audit())[0]).toMatchObject({ action: "dead_letters.replay", subject: "a" });
});

test("a patch reaches the library as exact text, and cannot be combined with another queue", async () => {
  const replay = vi.fn(async () => [{ id: "a", outcome: "replayed" as const }]);
  const { call, audit } = await setup({ observer: { replay } });
  const payloadText = '{"n": 12345678901234567890, "s": "secret-canary"}';
  const patch = { payloadText };
  await call("POST", "/v1/queues/q/dead-letters/replay", { ids: ["a"], patch });
  expect(replay).toHaveBeenCalledWith("q", ["a"], { payloadText });
  const both = await call("POST", "/v1/queues/q/dead-letters/replay", { ids: ["a"], to: "other", patch });
  expect(both.status).toBe(422);
  expect(JSON.stringify(await audit())).not.toContain("secret-canary");
});

const matching =
  (matched: number, isWhole = true) =>
  async () => ({
    matched,
    scanned: matched,
    total: matched,
    isWhole,
  });

test("a replay of few tasks by a filter is made at once, with the whole filter", async () => {
  const operations = fakeOperations();
  operations.ends = () => ({ state: "succeeded", endedAt: 2, result: { replayed: 499, skipped: 1 } });
  const { call } = await setup({ operations, observer: { matchDead: matching(500) } });
  const filter = {
    type: "t",
    flow: "f",
    reason: "fatal",
    signature: "abcdef012345",
    error: "e",
    q: "x",
    from: 1,
    to: 2,
  };
  const few = await call("POST", "/v1/queues/q/dead-letters/replay", { filter });
  expect(few).toMatchObject({ status: 200 });
  expect(few.json()).toMatchObject({ dryRun: false, matched: 500, replayed: 499, skipped: 1 });
  expect(operations.specs[0]).toMatchObject({ kind: "replay", queue: "q", selection: { filter } });

  operations.ends = () => ({
    state: "failed",
    endedAt: 2,
    error: 'queue "q" has as many waiting tasks as its maxWaiting allows',
  });
  const failed = await call("POST", "/v1/queues/q/dead-letters/replay", { filter });
  expect(failed).toMatchObject({ status: 409 });
  expect(failed.json().detail).toContain("as many waiting tasks");
});

test.each([
  ["of more than 500", {}, matching(501)],
  ["of a filter whose matches were not all counted", {}, matching(3, false)],
  ["with a rate", { ratePerSecond: 100 }, matching(3)],
  ["with a canary", { canary: {} }, matching(3)],
])("a replay %s becomes an operation, which names the user and the reason", async (_, more, matchDead) => {
  const operations = fakeOperations();
  const { call, audit } = await setup({ operations, observer: { matchDead } });
  const body = { filter: { type: "t" }, reason: "fixed", ...more };
  const many = await call("POST", "/v1/queues/q/dead-letters/replay", body);
  expect(many.status).toBe(202);
  expect(many.headers.location).toBe(`/v1/operations/${many.json().id}`);
  const canary = "canary" in more ? { canary: { size: 5, waitMs: 60_000 } } : {};
  expect(operations.specs[0]).toMatchObject({
    kind: "replay",
    queue: "q",
    selection: { filter: { type: "t" } },
    by: { actor: "anonymous", reason: "fixed", from: "127.0.0.1" },
    ...more,
    ...canary,
  });
  expect(await audit()).toMatchObject([
    { outcome: "accepted", operationId: many.json().id, actor: "anonymous", from: "127.0.0.1" },
  ]);
});

test("a dry run counts the dead letters and changes nothing", async () => {
  const operations = fakeOperations();
  const { call, audit } = await setup({
    operations,
    observer: {
      matchDead: matching(42),
      task: async (_queue, id) =>
        id === "a" ? taskOf("a") : id === "b" ? taskOf("b", { state: "pending" }) : null,
    },
  });
  const filtered = await call("POST", "/v1/queues/q/dead-letters/replay", { all: true, dryRun: true });
  expect(filtered.json()).toEqual({
    dryRun: true,
    matched: 42,
    scanned: 42,
    total: 42,
    replayed: 0,
    skipped: 0,
  });
  const named = await call("POST", "/v1/queues/q/dead-letters/discard", {
    ids: ["a", "b", "c"],
    dryRun: true,
  });
  expect(named.json()).toMatchObject({ matched: 1, discarded: 0, skipped: 0, operationId: null });
  expect(operations.specs).toEqual([]);
  expect(await audit()).toEqual([]);
});

test("a discard of few tasks waits for its operation, and says until when it can be undone", async () => {
  const operations = fakeOperations();
  operations.ends = () => ({
    state: "succeeded",
    endedAt: 2,
    undoUntil: 600_002,
    result: { discarded: 1, skipped: 1 },
  });
  operations.outcomes = async () => [
    { id: "a", outcome: "discarded" },
    { id: "b", outcome: "not_dead" },
  ];
  const { call } = await setup({ operations });
  const named = await call("POST", "/v1/queues/q/dead-letters/discard", { ids: ["a", "b"] });
  expect(named.status).toBe(200);
  expect(named.json()).toEqual({
    dryRun: false,
    matched: 2,
    discarded: 1,
    skipped: 1,
    operationId: operations.views[0]?.id,
    undoUntil: 600_002,
    results: [
      { id: "a", outcome: "discarded" },
      { id: "b", outcome: "not_dead" },
    ],
  });
});

test("a discard of many tasks is answered with an operation, which can be paused, resumed, cancelled and undone", async () => {
  const operations = fakeOperations();
  const { call, audit } = await setup({ operations, observer: { matchDead: matching(900) } });
  const all = await call("POST", "/v1/queues/q/dead-letters/discard", { all: true });
  expect(all.status).toBe(202);
  const { id } = all.json();
  for (const [verb, state] of [
    ["pause", "paused"],
    ["resume", "running"],
    ["cancel", "cancelled"],
  ] as const) {
    const answer = await call("POST", `/v1/operations/${id}/${verb}`);
    expect([verb, answer.status, answer.json().state]).toEqual([verb, 202, state]);
  }
  const undo = await call("POST", `/v1/operations/${id}/undo`, { reason: "wrong queue" });
  expect(undo.json()).toMatchObject({ kind: "restore", queue: "q" });
  expect((await call("POST", "/v1/operations/op_none/undo")).status).toBe(404);
  expect((await audit()).map(({ action }: { action: string }) => action)).toEqual([
    "operation.undo",
    "operation.cancel",
    "operation.resume",
    "operation.pause",
    "dead_letters.discard",
  ]);
});
