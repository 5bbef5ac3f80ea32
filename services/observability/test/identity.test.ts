import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { HoldfastError, type ScheduleView } from "holdfast";
import { expect, test } from "vitest";
import { openEntrance } from "../src/identity/person.ts";
import { fakeSchedules, statsOf, taskOf } from "./fakes.ts";
import { setup } from "./setup.ts";

const person = (changes: Partial<Identity>): Identity => ({
  ...ANONYMOUS,
  kind: "key",
  label: "somebody",
  keyId: "k",
  ...changes,
});

const PEOPLE: Record<string, Identity> = {
  viewer: person({ role: "viewer", scopes: ["read"] }),
  operator: person({ role: "operator", scopes: ["read", "control", "enqueue"] }),
  admin: person({}),
  limited: person({ role: "operator", scopes: ["control", "enqueue"], queues: ["mail"] }),
};

const worker = (id: string, queues: string[]) => ({
  id,
  queues,
  types: [],
  host: "h",
  pid: 1,
  version: "1",
  slots: 1,
  busy: 0,
  startedAt: 1,
  heartbeatAt: 1,
  heartbeatAgeMs: 1,
  state: "running" as const,
  tasks: queues.map((queue) => ({ id: `in-${queue}`, queue, type: "t", startedAt: 1 })),
});

const schedule = (id: string, queue: string): ScheduleView => ({
  ...{
    id,
    queue,
    cron: "@daily",
    timeZone: "UTC",
    startAt: null,
    endAt: null,
    limit: null,
    count: 0,
    type: "t",
    payloadText: "null",
    options: {},
  },
  ...{ missed: "once", overlap: "allow", paused: false, createdAt: 1, updatedAt: 1, nextAt: 2 },
  ...{ nextRuns: [2], words: "At 00:00", lastRun: null, runs: [] },
});

async function served() {
  const { server } = await setup({
    entrance: {
      ...openEntrance(),
      identify: ({ headers: { authorization = "" } }) => {
        const identity = PEOPLE[authorization];
        if (!identity) throw new HoldfastError("unauthorized", "who is it?");
        return identity;
      },
    },
    observer: {
      snapshot: async () => [statsOf("mail"), statsOf("secret")],
      drainWorker: async () => undefined,
      workers: async () => [
        worker("mine", ["mail"]),
        worker("both", ["mail", "secret"]),
        worker("other", ["secret"]),
      ],
    },
    schedules: {
      ...fakeSchedules(),
      list: async () => [schedule("s1", "mail"), schedule("s2", "secret")],
      get: async (id) => (id === "none" ? null : schedule(id, id === "s1" ? "mail" : "secret")),
      pause: async (id) => schedule(id, "mail"),
    },
  });
  return async (
    who: string,
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    url: string,
    body?: object,
  ) => {
    const response = await server.inject({
      method,
      url,
      headers: { host: "127.0.0.1", authorization: who },
      ...(body ? { payload: body } : {}),
    });
    return { status: response.statusCode, text: response.body, json: () => response.json() };
  };
}

test("every route enforces the roles", async () => {
  const call = await served();
  const routes = [
    ["GET", "/v1/queues", { viewer: 200, operator: 200, admin: 200 }],
    ["POST", "/v1/queues/q/pause", { viewer: 403, operator: 200, admin: 200 }],
    ["POST", "/v1/queues/q/tasks", { viewer: 403, operator: 201, admin: 201 }],
    ["POST", "/v1/queues/q/empty", { viewer: 403, operator: 403, admin: 200 }],
    ["PATCH", "/v1/queues/q", { viewer: 403, operator: 403, admin: 200 }],
    ["DELETE", "/v1/queues/q?confirm=q", { viewer: 403, operator: 403, admin: 200 }],
  ] as const;
  const bodies: Record<string, object> = {
    "/v1/queues/q/tasks": { type: "t", payload: 1 },
    "/v1/queues/q/empty": { states: ["pending"], confirm: "q" },
    "/v1/queues/q": { maxWaiting: 1 },
  };
  for (const [method, url, expected] of routes) {
    for (const [who, status] of Object.entries({ ...expected, nobody: 401 })) {
      const answer = await call(who, method, url, method === "DELETE" ? undefined : bodies[url]);
      expect([method, url, who, answer.status]).toEqual([method, url, who, status]);
    }
  }
});

test("a key that is limited to a queue can neither see nor change anything of another queue", async () => {
  const call = await served();
  for (const url of ["/v1/queues", "/v1/workers", "/v1/operations", "/v1/audit", "/v1/schedules"]) {
    const answer = await call("limited", "GET", url);
    expect(answer.status).toBe(200);
    expect([url, answer.text.includes("secret")]).toEqual([url, false]);
  }
  expect((await call("limited", "GET", "/v1/queues")).json().queues).toHaveLength(1);
  expect((await call("limited", "GET", "/v1/workers")).json().workers).toMatchObject([
    { id: "mine" },
    { id: "both", queues: ["mail"], tasks: [{ queue: "mail" }] },
  ]);
  for (const [method, url, body] of [
    ["GET", "/v1/queues/secret"],
    ["GET", "/v1/audit?queue=secret"],
    ["POST", "/v1/queues/secret/pause"],
    ["PUT", "/v1/schedules/s2", { queue: "mail", cron: "@daily", type: "t" }],
    ["PUT", "/v1/schedules/s1", { queue: "secret", cron: "@daily", type: "t" }],
    // The worker `both` also runs a queue that this key does not allow.
    ["POST", "/v1/workers/both/drain"],
    ["POST", "/v1/queues/mail/dead-letters/replay", { ids: ["a"], to: "secret" }],
  ] as const)
    expect([url, (await call("limited", method, url, body)).status]).toEqual([url, 403]);
  // The answer for an object of a hidden queue is exactly the answer for a missing one.
  for (const [method, there, never] of [
    ["GET", "/v1/schedules/s2", "/v1/schedules/none"],
    ["DELETE", "/v1/schedules/s2", "/v1/schedules/none"],
    ["POST", "/v1/schedules/s2/pause", "/v1/schedules/none/pause"],
    ["POST", "/v1/schedules/s2/run", "/v1/schedules/none/run"],
    ["POST", "/v1/workers/other/drain", "/v1/workers/none/drain"],
  ] as const) {
    const answers = [await call("limited", method, there), await call("limited", method, never)];
    const told = answers.map(({ status, json }) => {
      const { detail, code } = json() as { detail: string; code: string };
      return { status, code, detail: detail.replace(/"(s2|other|none)"/, '"id"') };
    });
    expect([there, told[0]]).toEqual([there, told[1]]);
    expect(told[0]).toMatchObject({ status: 404, code: "not_found" });
  }
  for (const url of ["/v1/queues/mail/pause", "/v1/schedules/s1/pause", "/v1/workers/mine/drain"])
    expect([url, (await call("limited", "POST", url)).status]).toEqual([url, 200]);
  expect((await call("viewer", "POST", "/v1/workers/mine/drain")).status).toBe(403);
  expect((await call("viewer", "POST", "/v1/schedules/s1/pause")).status).toBe(403);
});

test("an operation and an audit record of another queue are hidden, and the operation cannot be cancelled", async () => {
  const call = await served();
  const started = await call("admin", "POST", "/v1/queues/secret/burst", { tasks: 1 });
  expect(started.status).toBe(202);
  const { id } = started.json() as { id: string };
  expect((await call("admin", "GET", `/v1/operations/${id}`)).status).toBe(200);
  expect((await call("limited", "GET", `/v1/operations/${id}`)).status).toBe(404);
  expect((await call("limited", "POST", `/v1/operations/${id}/cancel`)).status).toBe(404);
  expect((await call("limited", "GET", "/v1/operations")).json()).toMatchObject({ operations: [] });
  expect((await call("admin", "GET", "/v1/operations")).json().operations).toHaveLength(1);
  expect((await call("limited", "GET", "/v1/audit")).json()).toMatchObject({ records: [] });
});

test("pages, health and the API description need no key", async () => {
  const call = await served();
  for (const url of ["/", "/queues/x", "/livez", "/readyz", "/metrics", "/openapi.json"])
    expect([url, (await call("nobody", "GET", url)).status]).toEqual([url, 200]);
  expect((await call("nobody", "GET", "/v1/nothing")).status).toBe(404);
});

test("an export stops at the page at which its sender loses access", async () => {
  let isAllowed = true;
  const { server } = await setup({
    entrance: {
      ...openEntrance(),
      identify: () => {
        if (!isAllowed) throw new HoldfastError("unauthorized", "this key was revoked");
        return person({ role: "viewer", scopes: ["read"] });
      },
    },
    observer: {
      list: async (_queue, { cursor }) => {
        if (cursor === "2") isAllowed = false;
        const page = Number(cursor ?? 0);
        return { tasks: [taskOf(`task-${page}`)], cursor: String(page + 1), scanned: 1, total: 9 };
      },
    },
  });
  const base = await server.listen({ host: "127.0.0.1", port: 0 });
  const response = await fetch(`${base}/v1/queues/q/tasks/export?state=dead`);
  expect(response.headers.get("cache-control")).toBe("no-store");
  let text = "";
  const read = async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  };
  // The connection is cut. Otherwise a reader would take the two tasks for the whole export.
  await expect(read()).rejects.toThrow();
  expect(text.match(/task-\d/g)).toEqual(["task-0", "task-1"]);
});
