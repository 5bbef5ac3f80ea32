import { setTimeout as delay } from "node:timers/promises";
import { ANONYMOUS, type AuditRecord, type Identity } from "@holdfast/contracts/api";
import { RateLimiter } from "@holdfast/service";
import { HoldfastError } from "holdfast";
import { pino } from "pino";
import { expect, test } from "vitest";
import { openEntrance } from "../src/identity/person.ts";
import { fakeActions, type TestAppOptions } from "./fakes.ts";
import { setup } from "./setup.ts";

const PEOPLE: Record<string, Identity> = Object.fromEntries(
  ["ada", "bob", "eve"].map((label) => [
    label,
    {
      ...ANONYMOUS,
      kind: "key",
      label,
      keyId: `key-of-${label}`,
      role: "operator",
      scopes: ["control", "enqueue"],
    },
  ]),
);

async function served(options: TestAppOptions = {}) {
  const actions = fakeActions();
  const { server } = await setup({
    actions,
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
  const post = (who: string | undefined, url: string, body?: object, requestId = "the-same") =>
    server.inject({
      method: "POST",
      url,
      headers: { host: "127.0.0.1", "x-request-id": requestId, ...(who ? { authorization: who } : {}) },
      ...(body ? { payload: body } : {}),
    });
  return { post, records: actions.records };
}

test("a record names the sender of its request, even if others send the same X-Request-Id at the same time", async () => {
  // Each request takes so long that all of them run at the same time.
  const { post, records } = await served({ observer: { pause: () => delay(20) } });
  const names = Object.keys(PEOPLE);
  await Promise.all(
    Array.from({ length: 60 }, async (_, turn) => {
      const who = names[turn % 3] ?? "";
      await post(who, `/v1/queues/of-${who}/pause`, { reason: "x" });
      if (turn % 2 === 0) await post(who, `/v1/queues/of-${who}/tasks`, { type: "t", payload: 1 });
    }),
  );
  expect(records).toHaveLength(90);
  const authorOf = ({ queue, actor, keyId, role }: AuditRecord) => `${queue} ${actor} ${keyId} ${role}`;
  expect([...new Set(records.map(authorOf))].sort()).toEqual(
    names.map((name) => `of-${name} ${name} key-of-${name} operator`),
  );
  // Every request has an id of its own. The record has this id and the one that the client sent.
  expect(new Set(records.map(({ requestId }) => requestId)).size).toBe(90);
  expect(new Set(records.map(({ clientRequestId }) => clientRequestId))).toEqual(new Set(["the-same"]));
});

test("the record of the end of an operation names the person who began it", async () => {
  const { post } = await served();
  const begun = await post("ada", "/v1/queues/q/burst", { tasks: 1 });
  expect(begun.json()).toMatchObject({ actor: "ada" });
});

test("strangers and keys above their rate are not recorded, because they could push out all other records", async () => {
  const { post, records } = await served({ limiter: new RateLimiter({ perSecond: 0.001, burst: 1 }) });
  const body = { type: "t", payload: 1 };
  for (const who of [undefined, "nobody"])
    expect((await post(who, "/v1/queues/q/tasks", body)).statusCode).toBeGreaterThanOrEqual(401);
  const statuses = [];
  for (let turn = 0; turn < 3; turn++)
    statuses.push((await post("eve", "/v1/queues/q/tasks", body)).statusCode);
  expect(statuses).toEqual([201, 429, 429]);
  expect(records).toMatchObject([{ actor: "eve", outcome: "succeeded" }]);
});

test("a refusal of a known sender is recorded under the sender's name", async () => {
  const { post, records } = await served({ readOnly: true });
  expect((await post("bob", "/v1/queues/q/tasks", { type: "t", payload: 1 })).statusCode).toBe(403);
  expect(records).toMatchObject([
    { actor: "bob", keyId: "key-of-bob", outcome: "refused", code: "forbidden" },
  ]);
});

test("a log line has the id of the request, and the id that the client sent, if that is harmless", async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const { post } = await served({
    logger,
    observer: { pause: () => Promise.reject(new HoldfastError("redis_unavailable", "away")) },
  });
  for (const id of ["abc-1", "not harmless"]) await post("ada", "/v1/queues/q/pause", undefined, id);
  const refused = lines.filter(({ msg }) => msg === "request refused");
  expect(refused.map(({ clientRequestId }) => clientRequestId)).toEqual(["abc-1", undefined]);
  for (const { reqId } of refused) expect(reqId).toMatch(/^[0-9a-f]{8}-/);
});
