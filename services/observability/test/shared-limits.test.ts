import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { HoldfastError, type SharedLimitView } from "holdfast";
import { expect, test, vi } from "vitest";
import { openEntrance } from "../src/identity/person.ts";
import { setup } from "./setup.ts";

const DB: SharedLimitView = {
  name: "db",
  limit: { concurrency: 50 },
  queues: ["orders", "mail"],
  shares: { orders: { concurrency: 40 }, mail: { concurrency: 10 } },
};
const OURS: SharedLimitView = { ...DB, name: "ours", queues: ["mail"], shares: {} };

const person = (changes: Partial<Identity>): Identity => ({
  ...ANONYMOUS,
  kind: "key",
  label: "somebody",
  keyId: "k",
  ...changes,
});

const PEOPLE: Record<string, Identity> = {
  admin: person({}),
  operator: person({ role: "operator", scopes: ["read", "control"] }),
  limited: person({ queues: ["mail"] }),
};

/** The service with two shared limits, `db` and `ours`. */
async function served() {
  const share = vi.fn(async (name, limit, queues) => ({ name, limit, queues: [...queues], shares: {} }));
  const unshare = vi.fn(async (name) => name === "db" || name === "ours");
  const { server } = await setup({
    entrance: {
      ...openEntrance(),
      identify: ({ headers: { authorization = "" } }) => {
        const identity = PEOPLE[authorization];
        if (!identity) throw new HoldfastError("unauthorized", "who is it?");
        return identity;
      },
    },
    limits: {
      shared: async () => [DB, OURS],
      share,
      unshare,
      get: async (queue) => ({
        ...{ queue, at: 0, limits: {}, types: [], shared: [DB, OURS], running: 10 },
        ...{ heldUntil: null, blockedBy: "shared", nextAt: null },
      }),
    },
  });
  const call = async (who: string, method: "GET" | "PUT" | "DELETE" | "POST", url: string, body?: object) => {
    const response = await server.inject({
      method,
      url,
      headers: { host: "127.0.0.1", authorization: who },
      ...(body ? { payload: body } : {}),
    });
    return { status: response.statusCode, text: response.body, json: () => response.json() };
  };
  return { call, share, unshare };
}

const FIFTY = { limit: { concurrency: 50 }, queues: ["mail", "orders"] };

test("a limit that queues share is listed, set and ended, and each change is recorded", async () => {
  const { call, share, unshare } = await served();
  expect((await call("operator", "GET", "/v1/limits")).json()).toEqual({ limits: [DB, OURS] });
  expect((await call("operator", "GET", "/v1/queues/mail/limits")).json()).toMatchObject({
    blockedBy: "shared",
    shared: [DB, OURS],
  });
  const set = await call("admin", "PUT", "/v1/limits/db", FIFTY);
  expect([set.status, set.json()]).toEqual([200, { name: "db", ...FIFTY, shares: {} }]);
  expect(share).toHaveBeenCalledWith("db", { concurrency: 50 }, ["mail", "orders"]);
  const ended = await call("admin", "DELETE", "/v1/limits/db");
  expect([ended.status, ended.text]).toEqual([204, ""]);
  expect(unshare).toHaveBeenCalledWith("db");
  expect(await call("admin", "DELETE", "/v1/limits/none")).toMatchObject({ status: 404 });
  expect((await call("admin", "GET", "/v1/audit")).json().records).toMatchObject([
    { action: "limit.unshare", subject: "none", outcome: "refused", code: "not_found" },
    { action: "limit.unshare", subject: "db", outcome: "succeeded", queue: null },
    { action: "limit.share", subject: "db", outcome: "succeeded", actor: "somebody" },
  ]);
});

test("only an administrator sets or ends a limit that queues share", async () => {
  const { call, share, unshare } = await served();
  expect((await call("operator", "PUT", "/v1/limits/db", FIFTY)).status).toBe(403);
  expect((await call("operator", "DELETE", "/v1/limits/db")).status).toBe(403);
  expect((await call("nobody", "GET", "/v1/limits")).status).toBe(401);
  expect(share).not.toHaveBeenCalled();
  expect(unshare).not.toHaveBeenCalled();
});

test("a key that may use only some queues of a limit can neither see, change nor end the limit", async () => {
  const { call, share, unshare } = await served();
  for (const url of ["/v1/limits", "/v1/queues/mail/limits"]) {
    const { status, text } = await call("limited", "GET", url);
    expect([url, status, text.includes("ours"), text.includes("orders"), text.includes("db")]).toEqual([
      ...[url, 200, true, false, false],
    ]);
  }
  // In each case the stored or the requested limit names a queue that the key does not allow.
  for (const [name, body] of [
    ["db", { ...FIFTY, queues: ["mail"] }],
    ["new", FIFTY],
  ] as const) {
    const refused = await call("limited", "PUT", `/v1/limits/${name}`, body);
    expect([name, refused.status, refused.text.includes("orders")]).toEqual([name, 403, false]);
  }
  const answers = await Promise.all(
    ["db", "none"].map((name) => call("limited", "DELETE", `/v1/limits/${name}`)),
  );
  expect(answers.map(({ status, json }) => [status, json().code, json().detail])).toEqual([
    [404, "not_found", 'no shared limit is called "db"'],
    [404, "not_found", 'no shared limit is called "none"'],
  ]);
  expect(share).not.toHaveBeenCalled();
  expect(unshare).not.toHaveBeenCalledWith("db");
  expect((await call("limited", "PUT", "/v1/limits/ours", { ...FIFTY, queues: ["mail"] })).status).toBe(200);
  expect((await call("limited", "DELETE", "/v1/limits/ours")).status).toBe(204);
  // A record about several queues is only for callers who may use all queues.
  expect((await call("limited", "GET", "/v1/audit")).json().records).toEqual([]);
});

test.each([
  [{ ...FIFTY, queues: [] }, "/queues"],
  [{ ...FIFTY, queues: Array.from({ length: 101 }, (_, n) => `q-${n}`) }, "/queues"],
  [{ ...FIFTY, queues: ["a/b"] }, "/queues/0"],
  [{ queues: ["mail"] }, ""],
  [{ ...FIFTY, limit: { concurrency: 0 } }, "/limit/concurrency"],
  [{ ...FIFTY, limit: { concurrency: 5, ordered: true } }, "/limit"],
  [{ ...FIFTY, limit: { rate: { limit: 5 } } }, "/limit/rate"],
])("%j is refused with the field %s, and changes nothing", async (body, path) => {
  const { call, share } = await served();
  const refused = await call("admin", "PUT", "/v1/limits/db", body);
  expect([refused.status, refused.json().code]).toEqual([422, "invalid_argument"]);
  expect(refused.json().errors).toContainEqual(expect.objectContaining({ path, in: "body" }));
  expect(share).not.toHaveBeenCalled();
});

test("an error of the library names its field, and is recorded as refused", async () => {
  const { call, share } = await served();
  const message = "limit.concurrency is divided among 2 queues or partitions, so it has to be at least 2";
  share.mockRejectedValueOnce(new HoldfastError("invalid_argument", message, { field: "limit.concurrency" }));
  const refused = await call("admin", "PUT", "/v1/limits/db", { ...FIFTY, limit: { concurrency: 1 } });
  expect(refused.status).toBe(422);
  expect(refused.json()).toMatchObject({
    detail: message,
    errors: [{ path: "/limit/concurrency", in: "body" }],
  });
  expect((await call("admin", "GET", "/v1/audit")).json().records).toMatchObject([
    { action: "limit.share", subject: "db", outcome: "refused", code: "invalid_argument" },
  ]);
});
