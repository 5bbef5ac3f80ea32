import type { FlowGraph, FlowNodeView, FlowView } from "@holdfast/contracts";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { HoldfastError } from "holdfast";
import { expect, test } from "vitest";
import { openEntrance } from "../src/identity/person.ts";
import { fakeActions, fakeOperations, type TestAppOptions } from "./fakes.ts";
import { setup } from "./setup.ts";

const FLOW: FlowView = {
  ...{ id: "f", queue: "q", state: "running", outcome: null, cancelRequested: false },
  counts: { total: 2, waiting: 1, active: 0, completed: 1, dead: 0, cancelled: 0, expired: 0, skipped: 0 },
  ...{ createdAt: 1, sealBy: null, endedAt: null, callbacks: [] },
};
const NODE: FlowNodeView = {
  ...{ name: "a", id: "f.a", queue: "q", type: "t", state: "completed", onDead: "fail" },
  ...{ startedAt: 1, endedAt: 2 },
  ...{ after: [], waitsFor: 0, skippedBy: null, resultText: '{"card":"4111 1111 1111 1111"}' },
};
const PEOPLE: Record<string, Identity> = {
  ada: {
    ...ANONYMOUS,
    kind: "key",
    label: "ada",
    keyId: "k-ada",
    role: "operator",
    scopes: ["control", "enqueue"],
  },
  vic: { ...ANONYMOUS, kind: "key", label: "vic", keyId: "k-vic", role: "viewer", scopes: ["read"] },
};

async function served(options: TestAppOptions = {}) {
  const actions = fakeActions();
  const { server } = await setup({
    actions,
    observer: {
      flows: async (queue) => {
        if (queue === "unknown") throw new HoldfastError("queue_not_found", "there is no queue unknown");
        return { flows: [FLOW], cursor: null };
      },
      getFlow: async (_queue, id) => (id === "f" ? FLOW : null),
      flowNodes: async () => ({ nodes: [NODE], cursor: "1" }),
    },
    entrance: {
      ...openEntrance(),
      identify: ({ headers: { authorization = "" } }) => {
        const identity = PEOPLE[authorization];
        if (!identity) throw new HoldfastError("unauthorized", "who is it?");
        return identity;
      },
    },
    ...options,
  });
  const call = async (method: "GET" | "POST", url: string, who = "ada", body?: object) => {
    const headers = { host: "127.0.0.1", authorization: who };
    const answer = await server.inject({ method, url, headers, ...(body ? { payload: body } : {}) });
    return { status: answer.statusCode, json: answer.json() };
  };
  return { call, records: actions.records };
}

test("flows are listed and shown, and an unknown flow gets 404", async () => {
  const { call } = await served();
  expect(await call("GET", "/v1/queues/q/flows", "vic")).toEqual({
    status: 200,
    json: { flows: [FLOW], cursor: null },
  });
  expect(await call("GET", "/v1/queues/q/flows/f", "vic")).toMatchObject({ status: 200, json: FLOW });
  expect(await call("GET", "/v1/queues/q/flows/other")).toMatchObject({
    status: 404,
    json: { code: "not_found", detail: "queue q has no flow other (or it was forgotten)" },
  });
  expect(await call("GET", "/v1/queues/unknown/flows")).toMatchObject({ json: { code: "queue_not_found" } });
  expect(await call("GET", "/v1/queues/q/flows/a.b")).toMatchObject({ status: 422 });
  expect(await call("GET", "/v1/queues/q/flows/f/nodes?state=gone")).toMatchObject({ status: 400 });
});

test("a viewer sees masked results of nodes, and reads of unmasked results are recorded", async () => {
  const { call, records } = await served({ maskedPointers: ["/card"], auditPayloadReads: true });
  const nodes = "/v1/queues/q/flows/f/nodes?state=completed";
  expect(await call("GET", nodes, "vic")).toMatchObject({
    status: 200,
    json: { nodes: [{ ...NODE, resultText: '{"card":"***"}' }], cursor: "1" },
  });
  expect(records).toEqual([]);
  expect((await call("GET", nodes)).json).toEqual({ nodes: [NODE], cursor: "1" });
  expect(records).toMatchObject([
    { actor: "ada", action: "payload.read", queue: "q", subject: "f", count: 1 },
  ]);
});

test("a viewer cannot change flows, and the changes of other users are recorded", async () => {
  const outcomes = ["cancelled", "too_late"] as const;
  let calls = 0;
  const { call, records } = await served({
    producer: { cancelFlow: async () => outcomes[calls++] ?? "not_found" },
  });
  expect((await call("POST", "/v1/queues/q/flows/f/cancel", "vic")).status).toBe(403);
  expect(await call("POST", "/v1/queues/q/flows/f/cancel")).toEqual({
    status: 200,
    json: { id: "f", outcome: "cancelled" },
  });
  expect((await call("POST", "/v1/queues/q/flows/f/cancel")).status).toBe(409);
  expect((await call("POST", "/v1/queues/q/flows/f/cancel")).status).toBe(404);
  const node = { name: "a", type: "t", payload: 1 };
  expect((await call("POST", "/v1/queues/q/flows", "ada", { nodes: [node] })).status).toBe(201);
  const of = { actor: "ada", queue: "q" };
  expect(records).toMatchObject([
    { actor: "vic", action: "flow.cancel", outcome: "refused", code: "forbidden" },
    { ...of, action: "flow.cancel", subject: "f", outcome: "succeeded", code: null },
    { ...of, action: "flow.cancel", subject: "f", outcome: "refused", code: "too_late" },
    { ...of, action: "flow.cancel", subject: "f", outcome: "refused", code: "not_found" },
    { ...of, action: "flow.create", subject: null, outcome: "succeeded", count: 1 },
  ]);
});

test("a replay of a flow selects its dead letters, and is recorded with the flow", async () => {
  const operations = fakeOperations();
  operations.ends = () => ({ state: "succeeded", endedAt: 2, result: { replayed: 3, skipped: 1 } });
  const filters: unknown[] = [];
  const { call, records } = await served({
    operations,
    observer: {
      getFlow: async (_queue, id) => (id === "f" ? FLOW : null),
      matchDead: async (_queue, filter) => {
        filters.push(filter);
        return { matched: 4, scanned: 9, total: 9, isWhole: true };
      },
    },
  });
  const replay = "/v1/queues/q/flows/f/replay";
  expect((await call("POST", replay, "vic", {})).status).toBe(403);
  expect((await call("POST", "/v1/queues/q/flows/other/replay", "ada", {})).status).toBe(404);
  expect((await call("POST", replay, "ada", { filter: { type: "t" } })).status).toBe(422);
  expect(await call("POST", replay, "ada", { dryRun: true })).toMatchObject({
    status: 200,
    json: { dryRun: true, matched: 4, replayed: 0 },
  });
  expect(operations.specs).toEqual([]);
  expect(await call("POST", replay, "ada", { reason: "fixed" })).toMatchObject({
    status: 200,
    json: { dryRun: false, matched: 4, replayed: 3, skipped: 1 },
  });
  operations.ends = undefined;
  expect(await call("POST", replay, "ada", { ratePerSecond: 5 })).toMatchObject({
    status: 202,
    json: { kind: "replay", state: "running", ratePerSecond: 5 },
  });
  expect(filters).toEqual([{ flow: "f" }, { flow: "f" }, { flow: "f" }]);
  expect(operations.specs).toMatchObject([
    { kind: "replay", queue: "q", selection: { filter: { flow: "f" } }, ratePerSecond: 5 },
    { kind: "replay", queue: "q", selection: { filter: { flow: "f" } }, by: { reason: "fixed" } },
  ]);
  const of = { actor: "ada", action: "dead_letters.replay", queue: "q", subject: "f", outcome: "accepted" };
  expect(records).toMatchObject([{ ...of, reason: "fixed", count: 4 }, of]);
});

test("the graph of a flow is read once for all who ask at the same time, and an unknown flow is 404", async () => {
  const asked: string[] = [];
  let answer = () => {};
  const walked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const step = { name: "a", id: "f.a", type: "t", state: "processing", startedAt: 1, endedAt: null } as const;
  const graph: FlowGraph = {
    flow: FLOW,
    groups: [
      {
        ...{ layer: 0, lastLayer: 0, type: "t", types: 1, total: 1, names: ["a"], after: [], isOnPath: true },
        states: [{ state: "processing", count: 1 }],
      },
    ],
    path: { by: "length", total: 1, nodes: [step] },
    waitsFor: { total: 1, nodes: [step] },
    scanned: 1,
  };
  const { call } = await served({
    observer: {
      flowGraph: async (queue, id) => {
        asked.push(`${queue} ${id}`);
        if (id !== "f") throw new HoldfastError("not_found", "there is no such flow");
        await walked;
        return graph;
      },
    },
  });
  const answers = ["vic", "ada"].map((who) => call("GET", "/v1/queues/q/flows/f/graph", who));
  await expect.poll(() => asked).toEqual(["q f"]);
  answer();
  expect(await Promise.all(answers)).toEqual([
    { status: 200, json: graph },
    { status: 200, json: graph },
  ]);
  expect((await call("GET", "/v1/queues/q/flows/none/graph")).status).toBe(404);
  expect((await call("GET", "/v1/queues/q/flows/f/graph")).status).toBe(200);
  expect(asked).toEqual(["q f", "q none", "q f"]);
});
