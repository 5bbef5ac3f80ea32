import type { AuditRecord } from "@holdfast/contracts/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Holdfast } from "../src/index.ts";
import { type RedisServer, startRedisServer } from "./support/redis-server.ts";

let redis: RedisServer;
let client: Holdfast;
beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});
afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

const record = (subject: string): AuditRecord => ({
  ...{ at: Date.now(), actor: "ops", keyId: null, role: "admin", from: "::1", action: "task.cancel" },
  ...{ queue: "q", subject, count: 1, reason: null, outcome: "succeeded", code: null },
  ...{ clientRequestId: null, requestId: "r", operationId: null },
});

test("records are paged newest first, and walked oldest first", async () => {
  for (const subject of ["a", "b", "c"]) await client.actions.append(record(subject));
  const first = await client.actions.page({ limit: 2 });
  expect(first.records.map(({ subject }) => subject)).toEqual(["c", "b"]);
  const second = await client.actions.page({ limit: 2, cursor: first.cursor ?? "" });
  expect(second).toMatchObject({ records: [{ subject: "a" }], cursor: null, total: 3 });
  const walked: unknown[] = [];
  for await (const page of client.actions.all({})) walked.push(...page.map(({ subject }) => subject));
  expect(walked).toEqual(["a", "b", "c"]);
});

test("before the beginning of time there is nothing, and no error", async () => {
  for (const filter of [{ to: 0 }, { to: -5 }, { from: 10, to: 5 }, { from: 0, to: 1 }]) {
    expect(await client.actions.page({ ...filter, limit: 10 })).toMatchObject({ records: [], cursor: null });
    for await (const page of client.actions.all(filter)) expect(page).toEqual([]);
  }
  expect((await client.actions.page({ cursor: "0-0", limit: 10 })).records).toEqual([]);
});

test("a record of before, without a subject, has none", async () => {
  const { subject: _, ...old } = record("gone");
  await client.actions.append(old as AuditRecord);
  expect((await client.actions.page({ limit: 1 })).records).toEqual([{ ...old, subject: null }]);
});
