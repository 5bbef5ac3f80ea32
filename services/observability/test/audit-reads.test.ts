import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { HoldfastError, type TaskView } from "holdfast";
import { expect, test } from "vitest";
import { openEntrance } from "../src/identity/person.ts";
import { fakeActions, fakeSchedules, type TestAppOptions } from "./fakes.ts";
import { setup } from "./setup.ts";

const PEOPLE: Record<string, Identity> = {
  ada: { ...ANONYMOUS, kind: "key", label: "ada", keyId: "k-ada", role: "admin", scopes: ["admin"] },
  vic: { ...ANONYMOUS, kind: "key", label: "vic", keyId: "k-vic", role: "viewer", scopes: ["read"] },
};
const task = (id: string) =>
  ({ id, type: "t", payloadText: '{"card":"4111 1111 1111 1111"}', state: "dead" }) as unknown as TaskView;

async function served(options: TestAppOptions = {}) {
  const actions = fakeActions();
  let isRevoked = false;
  const { server } = await setup({
    actions,
    observer: {
      task: async (_queue, id) => (id === "none" ? null : task(id)),
      list: async (_queue, { cursor, state }) => {
        if (state !== "dead") return { tasks: [], cursor: null, scanned: 0, total: 0 };
        const tasks = [task(`${cursor ?? "1"}-a`), task(`${cursor ?? "1"}-b`)];
        return {
          tasks,
          cursor: cursor === "3" ? null : String(Number(cursor ?? 1) + 1),
          scanned: 2,
          total: 6,
        };
      },
    },
    schedules: {
      ...fakeSchedules(),
      list: async () => [{ id: "s", queue: "q", payloadText: "1" }] as never,
      get: async () => ({ id: "s", queue: "q", payloadText: "1" }) as never,
    },
    entrance: {
      ...openEntrance(),
      identify: ({ headers: { authorization = "" } }) => {
        const identity = PEOPLE[authorization];
        if (!identity || isRevoked) throw new HoldfastError("unauthorized", "who is it?");
        return identity;
      },
    },
    ...options,
  });
  const get = (url: string, who = "ada") =>
    server.inject({ method: "GET", url, headers: { host: "127.0.0.1", authorization: who } });
  return { get, records: actions.records, revoke: () => (isRevoked = true) };
}

test("the record of an export says what was exported and how many tasks", async () => {
  const { get, records } = await served({ maskedPointers: ["/card"] });
  expect((await get("/v1/queues/q/tasks/export?state=dead")).body.split("\n")).toHaveLength(7);
  await get("/v1/queues/q/tasks/export?state=dead", "vic");
  await get("/v1/audit/export");
  const of = { subject: null, outcome: "succeeded", code: null, from: "127.0.0.1" };
  expect(records).toMatchObject([
    { ...of, actor: "ada", keyId: "k-ada", action: "task.export", queue: "q", count: 6 },
    { ...of, actor: "vic", keyId: "k-vic", action: "task.export", queue: "q", count: 6 },
    { ...of, actor: "ada", action: "audit.export", queue: null, count: 2 },
  ]);
  expect(JSON.stringify(records)).not.toContain("4111 1111 1111 1111");
});

test("the record of an interrupted export says that, and how many tasks were exported", async () => {
  let pages = 0;
  const page = async (whole: () => void) => {
    if (++pages === 2) whole();
    return { tasks: [task(`t${pages}`)], cursor: "1", scanned: 1, total: 9 };
  };
  const revoked = await served({ observer: { list: () => page(() => revoked.revoke()) } });
  await get(revoked, "/v1/queues/q/tasks/export?state=dead");
  expect(revoked.records).toMatchObject([
    { action: "task.export", actor: "ada", count: 1, outcome: "refused", code: "unauthorized" },
  ]);
  pages = 0;
  const away = () => {
    throw new HoldfastError("redis_unavailable", "away");
  };
  const failed = await served({ observer: { list: () => page(away) } });
  await get(failed, "/v1/queues/q/tasks/export?state=dead");
  expect(failed.records).toMatchObject([{ count: 1, outcome: "failed", code: "redis_unavailable" }]);
});

/** Ignores errors, since the reader of a broken stream gets one. */
const get = (app: Awaited<ReturnType<typeof served>>, url: string) => app.get(url).catch(() => {});

const READS = [
  "/v1/queues/q/tasks?state=dead",
  "/v1/queues/q/dead-letters",
  "/v1/queues/q/tasks/t1",
  "/v1/schedules",
  "/v1/schedules/s",
];

test("with AUDIT_PAYLOAD_READS, reads of unmasked payloads are recorded with the name of the reader", async () => {
  const { get, records } = await served({ auditPayloadReads: true, maskedPointers: ["/card"] });
  for (const url of READS) expect((await get(url)).statusCode).toBe(200);
  const of = { action: "payload.read", actor: "ada", keyId: "k-ada", outcome: "succeeded" };
  expect(records).toMatchObject([
    { ...of, queue: "q", subject: null, count: 2 },
    { ...of, queue: "q", subject: null, count: 2 },
    { ...of, queue: "q", subject: "t1", count: 1 },
    { ...of, queue: null, subject: null, count: 1 },
    { ...of, queue: "q", subject: "s", count: 1 },
  ]);
  expect(records.map(({ requestId }) => requestId)).toHaveLength(5);
  expect(JSON.stringify(records)).not.toContain("4111 1111 1111 1111");
  // None of these answers shows a card number, so there is nothing to record.
  for (const url of READS) expect((await get(url, "vic")).body).not.toContain("4111 1111 1111 1111");
  for (const url of [
    "/v1/queues/q/tasks/none",
    "/v1/queues/q/tasks?state=pending",
    "/v1/queues",
    "/v1/audit",
  ])
    await get(url);
  await get("/v1/queues/q/tasks/t1", "eve");
  expect(records).toHaveLength(5);
});

test("without masked fields a viewer sees whole payloads, and these reads are recorded too", async () => {
  const { get, records } = await served({ auditPayloadReads: true });
  await get("/v1/queues/q/tasks/t1", "vic");
  expect(records).toMatchObject([{ action: "payload.read", actor: "vic", subject: "t1" }]);
});

test("without AUDIT_PAYLOAD_READS, reads are not recorded", async () => {
  const { get, records } = await served();
  for (const url of READS) await get(url);
  expect(records).toEqual([]);
});
