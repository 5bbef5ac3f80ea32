import { LIMITS } from "@holdfast/contracts";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Queue } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { VERDICTS } from "../src/schema.ts";
import { post, startWorkerApi } from "./support.ts";

const QUEUE = "bad-input";
let redis: RedisServer;
let app: App;
let base: string;
let queue: Queue;
let workers = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  ({ app, base } = await startWorkerApi(redis.url));
  queue = new Queue(QUEUE, { redis: redis.url });
});

afterAll(async () => {
  await app?.stop();
  await queue?.close();
  await redis?.stop();
});

const ask = (path: string, body: unknown) => post(base, QUEUE, path, body);
/** This token has the right form but belongs to no lease. */
const of = { id: "x", token: "1-abcdefgh.1~0~t~1~abc~abc~" };
const acquire = { workerId: "w", requestId: 1, want: 1 };
const settle = { workerId: "w", requestId: 1 };
const heartbeat = { workerId: "w", leases: [] };
const step = { ...of, place: 1, name: "a" };
const error = { name: "E", message: "m" };

/** One complete request for each route. */
const GOOD: Record<string, Record<string, unknown>> = {
  acquire,
  settle: { ...settle, verdicts: [{ ...of, verdict: "complete" }] },
  heartbeat,
  progress: { ...of, progress: 1 },
  log: { ...of, line: "x" },
  checkpoint: of,
  "steps/read": of,
  "steps/result": { ...of, place: 1 },
  "steps/write": { ...step, result: 1 },
  "steps/sleep": { ...step, ms: 1 },
  "steps/wait": { ...step, events: ["go"] },
  "steps/call": { ...step, type: "t", payload: 1 },
  children: of,
};

test.each(Object.entries(GOOD))("%s refuses an unknown field and names it", async (path, body) => {
  const { status, json } = await ask(path, { ...body, unheard: 1 });
  expect([status, json.code]).toEqual([422, "invalid_argument"]);
  expect(json.detail).toContain("unheard");
});

/** These fields may be missing, or have a value of any type. */
const FREE = ["progress", "result", "payload"];

test.each(
  Object.entries(GOOD).flatMap(([path, body]) =>
    Object.keys(body)
      .filter((field) => !FREE.includes(field))
      .map((field) => [path, field] as const),
  ),
)("%s needs %s, of the right type", async (path, field) => {
  const { [field]: _, ...rest } = GOOD[path] ?? {};
  for (const body of [rest, { ...rest, [field]: { wrong: true } }]) {
    const { status, json } = await ask(path, body);
    expect([status, json.code], JSON.stringify(body)).toEqual([422, "invalid_argument"]);
    expect(JSON.stringify(json.errors ?? json.detail)).toContain(field);
  }
});

describe("values out of range", () => {
  test.each([
    ["acquire", { ...acquire, workerId: "a b" }, "/workerId"],
    ["acquire", { ...acquire, requestId: 0 }, "/requestId"],
    ["acquire", { ...acquire, lane: 64 }, "/lane"],
    ["acquire", { ...acquire, want: LIMITS.scriptTasks + 1 }, "/want"],
    ["acquire", { ...acquire, waitMs: LIMITS.waitMs + 1 }, "/waitMs"],
    ["acquire", { ...acquire, leaseMs: 999 }, "/leaseMs"],
    ["acquire", { ...acquire, maxRetries: 101 }, "/maxRetries"],
    ["acquire", { ...acquire, types: [] }, "/types"],
    ["acquire", { ...acquire, types: ["a b"] }, "/types/0"],
    ["acquire", { ...acquire, terms: { t: { maxRetries: -1 } } }, "/terms/t/maxRetries"],
    ["acquire", { ...acquire, info: { host: "x".repeat(129) } }, "/info/host"],
    ["heartbeat", { ...heartbeat, state: "asleep" }, "/state"],
    ["heartbeat", { ...heartbeat, leases: [{ id: "x" }] }, "/leases/0"],
    ["steps/wait", { ...step, events: [] }, "/events"],
  ])("%s refuses %j", async (path, body, field) => {
    const { status, json } = await ask(path, body);
    expect([status, json.code]).toEqual([422, "invalid_argument"]);
    expect(json.errors.map((one: { path: string }) => one.path)).toContainEqual(
      expect.stringContaining(field),
    );
  });

  test("a token that no acquire returned", async () => {
    const { status, json } = await ask("log", { id: "x", token: "nonsense", line: "x" });
    expect(json).toMatchObject({ status, code: "invalid_argument", errors: [{ path: "/token" }] });
  });
});

describe("verdicts", () => {
  const say = (...verdicts: object[]) =>
    ask("settle", {
      ...{ workerId: `v-${++workers}`, requestId: 1 },
      verdicts: verdicts.map((one) => ({ ...of, ...one })),
    });

  test.each(
    Object.entries(VERDICTS).flatMap(([verdict, { needed }]) => needed.map((field) => [verdict, field])),
  )("%s without its %s is refused, and the error names the field", async (verdict, field) => {
    const { status, json } = await say({ verdict: "release" }, { verdict });
    expect(json).toMatchObject({
      status,
      code: "invalid_argument",
      errors: [{ path: `/verdicts/1/${field}` }],
    });
    expect(json.detail).toContain(`verdicts/1/${field}`);
  });

  test.each([
    [{ verdict: "complete", error }, "error"],
    [{ verdict: "release", delayMs: 1 }, "delayMs"],
    [{ verdict: "fatal", error, delayMs: 1 }, "delayMs"],
    [{ verdict: "postpone", delayMs: 1, result: 1 }, "result"],
    [{ verdict: "complete", result: 1, resultText: "1" }, "resultText"],
  ])("%j is refused because of its field %s", async (verdict, field) => {
    const { status, json } = await say(verdict);
    expect(status).toBe(422);
    expect(json.detail).toContain(`verdicts/0/${field}`);
  });

  test("a text that is not JSON is refused as a result", async () => {
    const { status, json } = await say({ verdict: "complete", resultText: "{" });
    expect(json).toMatchObject({ status, code: "invalid_json" });
    expect(json.detail).toContain("verdicts/0/resultText");
  });

  test("an unknown verdict, no verdict and too many of them are refused", async () => {
    const many = Array.from({ length: LIMITS.scriptTasks + 1 }, () => ({ verdict: "complete" }));
    for (const verdicts of [[{ verdict: "perhaps" }], [], many]) {
      const { status, json } = await say(...verdicts);
      expect([status, json.code]).toEqual([422, "invalid_argument"]);
      expect(json.errors[0].path).toContain("/verdicts");
    }
    expect((await say(...many.slice(1))).json.outcomes).toHaveLength(LIMITS.scriptTasks);
  });

  test("a verdict that is refused settles none of the others", async () => {
    const { id } = await queue.enqueue("t", 1);
    const taken = await ask("acquire", { ...acquire, workerId: "none" });
    const { token } = taken.json.tasks[0];
    const verdicts = [
      { id, token, verdict: "complete" },
      { ...of, verdict: "fail" },
    ];
    expect((await ask("settle", { workerId: "none", requestId: 2, verdicts })).status).toBe(422);
    expect(await queue.get(id)).toMatchObject({ state: "processing" });
    const whole = { workerId: "none", requestId: 2, verdicts: verdicts.slice(0, 1) };
    expect((await ask("settle", whole)).json.outcomes).toEqual(["acked"]);
  });

  test("a result that is too large is left out, and a warning says so", async () => {
    const ids = [(await queue.enqueue("t", 1)).id, (await queue.enqueue("t", 2)).id];
    const { json } = await ask("acquire", { workerId: "large", requestId: 1, want: 2 });
    const sizes = [LIMITS.resultBytes + 1, LIMITS.resultBytes];
    const verdicts = json.tasks.map(({ id, token }: typeof of, at: number) => ({
      ...{ id, token, verdict: "complete", result: "x".repeat((sizes[at] ?? 0) - 2) },
    }));
    const settled = await ask("settle", { workerId: "large", requestId: 2, verdicts });
    expect(settled.json).toMatchObject({
      outcomes: ["acked", "acked"],
      warnings: [expect.stringContaining(`verdicts/0: task ${ids[0]}`)],
    });
    expect(await queue.get(ids[0] ?? "")).toMatchObject({ state: "completed", resultText: null });
    const kept = await queue.get(ids[1] ?? "");
    expect(kept?.resultText).toHaveLength(LIMITS.resultBytes);
  });
});

test("a request id below the last one is refused, and the error names it", async () => {
  const { id } = await queue.enqueue("t", 1);
  const taken = await ask("acquire", { workerId: "old", requestId: 7, want: 1 });
  expect(taken.json.tasks).toMatchObject([{ id }]);
  const { token } = taken.json.tasks[0];
  const verdicts = [{ id, token, verdict: "complete" }];
  for (const [path, body] of [
    ["acquire", { want: 1 }],
    ["settle", { verdicts }],
  ] as const) {
    const { status, json } = await ask(path, { workerId: "old", requestId: 6, ...body });
    expect(json).toMatchObject({ status, code: "conflict", errors: [{ path: "/requestId" }] });
    expect(status).toBe(409);
  }
  expect(await queue.get(id)).toMatchObject({ state: "processing" });
  // Each lane of a worker numbers its requests separately.
  const other = await ask("settle", { workerId: "old", requestId: 6, lane: 1, verdicts });
  expect(other.json.outcomes).toEqual(["acked"]);
});

test("the description has every route, with its scope, its fields and its answers", async () => {
  const { paths } = (await (await fetch(`${base}/openapi.json`)).json()) as {
    // biome-ignore lint/suspicious/noExplicitAny: the test checks what it needs
    paths: Record<string, any>;
  };
  const described = Object.keys(paths).map((path) => path.replace("/v1/queues/{queue}/work/", ""));
  expect(described.sort()).toEqual(Object.keys(GOOD).sort());
  for (const [path, { post: operation }] of Object.entries(paths)) {
    expect(operation["x-scope"], path).toBe("work");
    expect(operation.summary, path).toBeTruthy();
    const body = operation.requestBody.content["application/json"].schema;
    const name = path.replace("/v1/queues/{queue}/work/", "");
    expect(Object.keys(body.properties), path).toEqual(expect.arrayContaining(Object.keys(GOOD[name] ?? {})));
    expect(body.additionalProperties, path).toBe(false);
    expect(Object.keys(operation.responses), path).toEqual(["200", "default"]);
  }
});
