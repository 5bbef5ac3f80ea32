import type { DeadReason } from "holdfast";
import { expect, test, vi } from "vitest";
import { taskOf } from "./fakes.ts";
import { setup } from "./setup.ts";

test("a replay of ids answers per id and is counted and audited", async () => {
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
});

test("a patch reaches the library as exact text, with the other queue", async () => {
  const replay = vi.fn(async () => [{ id: "a", outcome: "moved" as const, newId: "b" }]);
  const { call, audit } = await setup({ observer: { replay } });
  const payloadText = '{"n": 12345678901234567890, "s": "secret-canary"}';
  await call("POST", "/v1/queues/q/dead-letters/replay", { ids: ["a"], to: "other", patch: { payloadText } });
  expect(replay).toHaveBeenCalledWith("q", ["a"], { to: "other", payloadText });
  expect(JSON.stringify(await audit())).not.toContain("secret-canary");
});

test("a replay of few by filter answers at once, of many or with a rate as an operation", async () => {
  let dead = 500;
  const replayAll = vi.fn(
    async (
      _queue: string,
      _filter?: { type?: string; reason?: DeadReason },
      options?: { onProgress?: (progress: { done: number; total: number }) => void },
    ) => {
      options?.onProgress?.({ done: dead, total: dead });
      return { replayed: dead, skipped: 0 };
    },
  );
  const { call, ended, audit } = await setup({ observer: { replayAll, countDead: async () => dead } });
  const few = await call("POST", "/v1/queues/q/dead-letters/replay", {
    filter: { type: "t", reason: "fatal" },
  });
  expect(few).toMatchObject({ status: 200 });
  expect(few.json()).toEqual({ dryRun: false, matched: 500, replayed: 500, skipped: 0 });
  expect(replayAll).toHaveBeenLastCalledWith("q", { type: "t", reason: "fatal" }, expect.anything());

  const paced = await call("POST", "/v1/queues/q/dead-letters/replay", { all: true, ratePerSecond: 100 });
  expect(paced.status).toBe(202);
  expect(replayAll).toHaveBeenLastCalledWith("q", {}, expect.objectContaining({ ratePerSecond: 100 }));

  dead = 501;
  const many = await call("POST", "/v1/queues/q/dead-letters/replay", { all: true });
  expect(many.status).toBe(202);
  expect(many.headers.location).toBe(`/v1/operations/${many.json().id}`);
  expect(await ended(many.json().id)).toMatchObject({
    kind: "replay",
    state: "succeeded",
    done: 501,
    total: 501,
    result: { replayed: 501, skipped: 0 },
  });
  const records = await audit();
  expect(records[0]).toMatchObject({ outcome: "succeeded", count: 501, operationId: many.json().id });
  expect(records[1]).toMatchObject({ outcome: "accepted", operationId: many.json().id });
});

test("more than 500 ids are replayed in slices by an operation that can be cancelled", async () => {
  const slices: number[] = [];
  const { call, ended } = await setup({
    observer: {
      replay: async (_queue, ids) => {
        slices.push(ids.length);
        return ids.map((id) => ({ id, outcome: "replayed" as const }));
      },
    },
  });
  const ids = Array.from({ length: 700 }, (_, index) => `t${index}`);
  const all = await call("POST", "/v1/queues/q/dead-letters/replay", { ids });
  expect(await ended(all.json().id)).toMatchObject({
    state: "succeeded",
    done: 700,
    result: { replayed: 700, skipped: 0 },
  });
  expect(slices).toEqual([500, 200]);

  const slow = await call("POST", "/v1/queues/q/dead-letters/replay", { ids, ratePerSecond: 1 });
  expect((await call("POST", `/v1/operations/${slow.json().id}/cancel`)).status).toBe(202);
  expect(await ended(slow.json().id)).toMatchObject({ state: "cancelled", result: { replayed: 1 } });
});

test("a dry run counts what is dead and changes nothing", async () => {
  const replay = vi.fn();
  const { call, audit } = await setup({
    observer: {
      replay,
      discard: replay,
      countDead: async () => 42,
      task: async (_queue, id) =>
        id === "a" ? taskOf("a") : id === "b" ? taskOf("b", { state: "pending" }) : null,
    },
  });
  const filtered = await call("POST", "/v1/queues/q/dead-letters/replay", { all: true, dryRun: true });
  expect(filtered.json()).toEqual({ dryRun: true, matched: 42, replayed: 0, skipped: 0 });
  const named = await call("POST", "/v1/queues/q/dead-letters/discard", {
    ids: ["a", "b", "c"],
    dryRun: true,
  });
  expect(named.json()).toMatchObject({
    dryRun: true,
    matched: 1,
    discarded: 0,
    skipped: 0,
    operationId: null,
  });
  expect(replay).not.toHaveBeenCalled();
  expect(await audit()).toEqual([]);
});

test("discard answers per id, and as an operation beyond 500", async () => {
  const { call, ended } = await setup({
    observer: { countDead: async () => 900, discardAll: async () => ({ discarded: 899, skipped: 1 }) },
  });
  const named = await call("POST", "/v1/queues/q/dead-letters/discard", { ids: ["a"] });
  expect(named.json()).toMatchObject({
    discarded: 1,
    skipped: 0,
    results: [{ id: "a", outcome: "discarded" }],
  });
  const all = await call("POST", "/v1/queues/q/dead-letters/discard", { all: true });
  expect(all.status).toBe(202);
  expect(await ended(all.json().id)).toMatchObject({
    kind: "discard",
    result: { discarded: 899, skipped: 1 },
  });
});
