import type { ApiKey } from "@holdfast/contracts";
import type { SessionView } from "@holdfast/contracts/api";
import { createLogger, KeyRing, loadConfig, NOBODY } from "@holdfast/service";
import { mintKey, type NewKey } from "@holdfast/service/keys";
import type { FastifyRequest } from "fastify";
import { expect, test, vi } from "vitest";
import { observabilityConfig } from "../src/config.ts";
import { createEntrance } from "../src/identity/person.ts";
import { Sessions } from "../src/identity/sessions.ts";
import { AuditLog } from "../src/operators/audit-log.ts";
import { RefusedLogIns } from "../src/operators/refused-log-ins.ts";
import { fakeActions } from "./fakes.ts";
import { setup } from "./setup.ts";

const OWN = { origin: "http://127.0.0.1" };

interface Call {
  method: "GET" | "POST" | "DELETE" | "PATCH";
  url: string;
  headers?: Record<string, string>;
  body?: object;
}

async function served(env: Record<string, string> = {}, ...specs: Partial<NewKey>[]) {
  const made = specs.map((spec) => mintKey({ label: "someone", scopes: ["read"], ...spec }));
  const store = { keys: made.map(({ key }) => key), version: "1" as string | null };
  if (made.length === 0) store.version = null;
  const config = loadConfig(observabilityConfig, env);
  const ring = new KeyRing({
    store: {
      version: async () => store.version,
      read: async () => ({ version: store.version, keys: store.keys, unreadable: [] }),
      noteUses: async () => {},
    },
    logger: createLogger({ LOG_LEVEL: "silent" }, "test"),
  });
  await ring.load();
  const entrance = createEntrance(config, ring);
  const actions = fakeActions();
  const { server } = await setup({
    entrance,
    actions,
    readOnly: config.READ_ONLY,
    logInsPerMinute: config.LOG_INS_PER_MINUTE,
    environment: config.ENVIRONMENT,
    allowedOrigins: ["https://ops.example"],
  });
  const call = async ({ method, url, headers = {}, body }: Call) => {
    const response = await server.inject({
      method,
      url,
      headers: { host: "127.0.0.1", ...headers },
      ...(body ? { payload: body } : {}),
    });
    const set = [response.headers["set-cookie"] ?? []].flat();
    return { status: response.statusCode, headers: response.headers, json: () => response.json(), set };
  };
  const logIn = async (key: string, headers: Record<string, string> = OWN) => {
    const answer = await call({ method: "POST", url: "/v1/session", headers, body: { key } });
    return { ...answer, cookie: answer.set[0]?.split(";")[0] ?? "" };
  };
  const revoke = async (key: ApiKey) => {
    store.keys = store.keys.filter(({ id }) => id !== key.id);
    store.version = `${store.version}+`;
    await ring.load();
  };
  return { call, logIn, revoke, made, entrance, server, records: actions.records };
}

const pause = (headers: Record<string, string>): Call => ({
  method: "POST",
  url: "/v1/queues/q/pause",
  headers,
});

test("a log-in with a key sets a cookie that scripts and other sites do not get", async () => {
  const { call, logIn, made } = await served(
    { ENVIRONMENT: "production" },
    { label: "ada", scopes: ["control"] },
  );
  const before = await call({ method: "GET", url: "/v1/session" });
  expect(before.json()).toMatchObject({ authenticated: false, keysRequired: true, scopes: [], label: "" });
  const { status, set, cookie, json, headers } = await logIn(made[0]?.text ?? "");
  expect(status).toBe(200);
  expect(headers["cache-control"]).toBe("no-store");
  expect(set).toHaveLength(1);
  expect(set[0]).toMatch(/^holdfast_session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(set[0]).not.toContain(made[0]?.text.slice(-43));
  const view = json() as SessionView;
  expect(view).toMatchObject({
    authenticated: true,
    label: "ada",
    role: "operator",
    environment: "production",
  });
  expect(view.idleExpiresAt).toBeLessThan(view.expiresAt ?? 0);
  const me = await call({ method: "GET", url: "/v1/session", headers: { cookie } });
  expect(me.json()).toMatchObject({ authenticated: true, label: "ada", scopes: ["control"] });
  expect((await call({ method: "GET", url: "/v1/queues", headers: { cookie } })).status).toBe(200);
  expect((await call(pause({ cookie, ...OWN }))).status).toBe(200);
  expect((await call({ method: "GET", url: "/v1/queues" })).status).toBe(401);
});

test("over TLS the cookie is bound to the host and to TLS", async () => {
  const { logIn, call, made } = await served({}, {});
  const { set, cookie } = await logIn(made[0]?.text ?? "", { origin: "https://127.0.0.1" });
  expect(set[0]).toMatch(/^__Host-holdfast_session=[^;]+; .*Path=\/; HttpOnly; Secure; SameSite=Strict$/);
  expect((await call({ method: "GET", url: "/v1/queues", headers: { cookie } })).status).toBe(200);
  const strict = await served({ SESSION_SECURE_ONLY: "1" }, {});
  const { cookie: secure } = await strict.logIn(strict.made[0]?.text ?? "");
  expect(secure).toMatch(/^__Host-/);
  const planted = { cookie: secure.replace("__Host-", "") };
  expect((await strict.call({ method: "GET", url: "/v1/queues", headers: planted })).status).toBe(401);
});

test("each log-in starts a new session and ends the previous one, and after a log-out copies of the cookie are refused", async () => {
  const { call, logIn, made } = await served({}, {}, {});
  const keys = made.map(({ text }) => text);
  const first = await logIn(keys[0] ?? "");
  const second = await logIn(keys[1] ?? "", { ...OWN, cookie: first.cookie });
  const isIn = async (cookie: string) =>
    (await call({ method: "GET", url: "/v1/queues", headers: { cookie } })).status === 200;
  expect(second.cookie).not.toBe(first.cookie);
  expect([await isIn(first.cookie), await isIn(second.cookie)]).toEqual([false, true]);
  const out = await call({
    method: "DELETE",
    url: "/v1/session",
    headers: { cookie: second.cookie, ...OWN },
  });
  expect(out.status).toBe(200);
  expect(out.set).toEqual([
    expect.stringMatching(/^__Host-holdfast_session=; Max-Age=0;.*Secure/),
    expect.stringMatching(/^holdfast_session=; Max-Age=0;/),
  ]);
  expect(await isIn(second.cookie)).toBe(false);
});

test("a session ends with its key, and a forged cookie is refused", async () => {
  const { call, logIn, revoke, made } = await served({}, {}, {});
  const { cookie } = await logIn(made[0]?.text ?? "");
  const status = async (cookie: string) =>
    (await call({ method: "GET", url: "/v1/queues", headers: { cookie } })).status;
  expect(await status(cookie)).toBe(200);
  const [name, value = ""] = cookie.split("=");
  const text = decodeURIComponent(value);
  const raised = text.replace(made[0]?.key.id ?? "", made[1]?.key.id ?? "");
  for (const wrong of ["", "x", `${text}x`, text.slice(0, -1), raised, text.slice(0, text.lastIndexOf("."))])
    expect([wrong, await status(`${name}=${encodeURIComponent(wrong)}`)]).toEqual([wrong, 401]);
  if (made[0]) await revoke(made[0].key);
  expect(await status(cookie)).toBe(401);
});

test("a session ends after its idle time or its maximum length, and each use restarts the idle time", async () => {
  const { key } = mintKey({ label: "l", scopes: ["read"] });
  const ring = { verify: () => key, current: () => key };
  const options = { ring, secrets: ["s".repeat(32)], idleMs: 100_000, maxMs: 250_000, secureOnly: false };
  const sessions = new Sessions(options);
  const { session, value } = sessions.open(key, undefined, 0);
  const cookie = (value: string) => sessions.cookiesOf(value, false)[0]?.split(";")[0] ?? "";
  expect(sessions.find(cookie(value), 99_999)).toMatchObject({ id: session.id, idleExpiresAt: 100_000 });
  expect(sessions.find(cookie(value), 100_000)).toBeUndefined();
  expect(sessions.use(session, cookie(value), 50_000)).toBeUndefined();
  expect(sessions.find(cookie(value), 149_999)).toBeDefined();
  const renewed = sessions.use(session, cookie(value), 140_000) ?? "";
  // This second object knows only the cookie, like another process, or like this one after a restart.
  const other = new Sessions(options);
  expect(other.find(cookie(renewed), 239_999)).toMatchObject({ id: session.id, issuedAt: 0 });
  expect(other.find(cookie(value), 140_001)).toBeUndefined();
  expect(other.find(cookie(other.use(session, cookie(renewed), 239_000) ?? ""), 250_000)).toBeUndefined();
  const rotated = new Sessions({ ...options, secrets: ["n".repeat(32), "s".repeat(32)] });
  expect(rotated.find(cookie(renewed), 200_000)).toBeDefined();
  expect(
    new Sessions({ ...options, secrets: ["n".repeat(32)] }).find(cookie(renewed), 200_000),
  ).toBeUndefined();
});

test("with a session, only pages of the service can make changes", async () => {
  const { call, logIn, made } = await served({}, { scopes: ["admin"] });
  const { cookie } = await logIn(made[0]?.text ?? "");
  const statuses: [Record<string, string>, number][] = [
    [{ ...OWN }, 200],
    [{ origin: "https://ops.example" }, 200],
    [{ "sec-fetch-site": "same-origin" }, 200],
    [{}, 403],
    [{ origin: "null" }, 403],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "http://127.0.0.1:9999" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "none" }, 403],
  ];
  for (const [headers, status] of statuses)
    expect([headers, (await call(pause({ cookie, ...headers }))).status]).toEqual([headers, status]);
  // A request with a key counts as sent by a program, unless its headers show that a page sent it.
  const authorization = `Bearer ${made[0]?.text}`;
  expect((await call(pause({ authorization }))).status).toBe(200);
  expect((await call(pause({ authorization, "sec-fetch-site": "cross-site" }))).status).toBe(403);
  expect((await call(pause({ authorization, origin: "https://evil.example" }))).status).toBe(403);
  // A page of another site cannot log anybody in or out.
  const evil = { origin: "https://evil.example" };
  expect((await logIn(made[0]?.text ?? "", evil)).status).toBe(403);
  expect((await call({ method: "DELETE", url: "/v1/session", headers: { cookie, ...evil } })).status).toBe(
    403,
  );
});

test("an address that sends wrong keys is soon refused", async () => {
  const { logIn, made } = await served({}, {});
  const wrong = mintKey({ label: "l", scopes: ["read"] }).text;
  const seen: number[] = [];
  for (let turn = 0; turn < 7; turn++) seen.push((await logIn(wrong)).status);
  expect(seen).toEqual([401, 401, 401, 401, 401, 429, 429]);
  const refused = await logIn(wrong);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(refused.json()).toMatchObject({
    code: "rate_limited",
    detail: expect.stringContaining("wrong keys"),
  });
  // A client that sends the right key from the same address is not refused.
  for (let turn = 0; turn < 7; turn++) {
    expect((await logIn(made[0]?.text ?? "")).status).toBe(200);
    expect((await logIn(wrong)).status).toBe(429);
  }
});

test("log-ins and log-outs are limited per key", async () => {
  const { call, logIn, made } = await served({ LOG_INS_PER_MINUTE: "3" }, {}, {});
  const [one = "", other = ""] = made.map(({ text }) => text);
  const logOut = (cookie: string) =>
    call({ method: "DELETE", url: "/v1/session", headers: { cookie, ...OWN } });
  const opened = [];
  for (let turn = 0; turn < 3; turn++) opened.push(await logIn(one));
  const fourth = await logIn(one);
  expect([fourth.status, fourth.json().code]).toEqual([429, "rate_limited"]);
  expect(fourth.json().detail).toContain("too many log-ins with this key");
  expect(Number(fourth.headers["retry-after"])).toBeGreaterThanOrEqual(15);
  const elsewhere = await logIn(other);
  expect(elsewhere.status).toBe(200);
  for (const { cookie } of opened) expect((await logOut(cookie)).status).toBe(200);
  expect((await logOut(elsewhere.cookie)).status).toBe(200);
});

test("a key can have a limited number of open sessions; when one ends, another can be opened", async () => {
  const { call, logIn, made } = await served({ SESSIONS_PER_KEY: "2" }, {}, {});
  const [one = "", other = ""] = made.map(({ text }) => text);
  const first = await logIn(one);
  await logIn(one);
  const third = await logIn(one);
  expect([third.status, third.set]).toEqual([429, []]);
  expect(third.json().detail).toContain("SESSIONS_PER_KEY");
  // The key may log in again only after a session has ended, and the default idle time is two hours.
  expect(Number(third.headers["retry-after"])).toBeGreaterThan(7_000);
  expect((await logIn(other)).status).toBe(200);
  // A second log-in in the same browser replaces the first session, so it is not refused.
  expect((await logIn(one, { ...OWN, cookie: first.cookie })).status).toBe(200);
  expect((await logIn(one)).status).toBe(429);
  const { cookie } = await logIn(other);
  await call({ method: "DELETE", url: "/v1/session", headers: { cookie, ...OWN } });
  expect((await logIn(other)).status).toBe(200);
});

test("an expired session makes room for another, and a restarted process counts the sessions that it sees", () => {
  const { key } = mintKey({ label: "l", scopes: ["read"] });
  const ring = { verify: () => key, current: () => key };
  const options = {
    ring,
    secrets: ["s".repeat(32)],
    idleMs: 1_000,
    maxMs: 9_000,
    maxPerKey: 1,
    secureOnly: false,
  };
  const sessions = new Sessions(options);
  const { session, value } = sessions.open(key, undefined, 0);
  expect(() => sessions.open(key, undefined, 999)).toThrow("SESSIONS_PER_KEY");
  expect(() => new Sessions(options).open(key, undefined, 999)).not.toThrow();
  const anew = new Sessions(options);
  anew.use(session, `holdfast_session=${value}`, 500);
  expect(() => anew.open(key, undefined, 1_499)).toThrow("SESSIONS_PER_KEY");
  expect(() => sessions.open(key, undefined, 1_000)).not.toThrow();
});

test("without keys there is no log-in", async () => {
  const { call, logIn } = await served();
  const view = (await call({ method: "GET", url: "/v1/session" })).json();
  expect(view).toMatchObject({ authenticated: true, keysRequired: false, role: "admin", readOnly: false });
  const { status, set } = await logIn("hf_of_elsewhere");
  expect([status, set]).toEqual([200, []]);
});

test("READ_ONLY=1 refuses every change, even by an admin, and lets people log in and out", async () => {
  const { call, logIn, made } = await served({ READ_ONLY: "1" }, { scopes: ["admin"] });
  const authorization = `Bearer ${made[0]?.text}`;
  for (const [method, url] of [
    ["POST", "/v1/queues/q/pause"],
    ["PATCH", "/v1/queues/q"],
    ["DELETE", "/v1/queues/q/tasks/a"],
    ["POST", "/v1/queues/q/tasks"],
  ] as const) {
    const answer = await call({ method, url, headers: { authorization } });
    expect([url, answer.status, answer.json().detail]).toEqual([
      url,
      403,
      expect.stringContaining("READ_ONLY=1"),
    ]);
  }
  expect((await call({ method: "GET", url: "/v1/queues", headers: { authorization } })).status).toBe(200);
  const { cookie, status, json } = await logIn(made[0]?.text ?? "");
  expect([status, json().readOnly]).toEqual([200, true]);
  expect((await call({ method: "DELETE", url: "/v1/session", headers: { cookie, ...OWN } })).status).toBe(
    200,
  );
});

test("the header with the name of a person counts only from the address of the proxy", async () => {
  const env = {
    PROXY_USER_HEADER: "X-Forwarded-User",
    PROXY_ROLE_HEADER: "X-Forwarded-Role",
    TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8",
  };
  const { call, entrance } = await served(env);
  const who = async (headers: Record<string, string>) =>
    (await call({ method: "GET", url: "/v1/session", headers })).json() as SessionView;
  expect(await who({ "x-forwarded-user": "ada" })).toMatchObject({ label: "ada", role: "viewer" });
  const operator = { "x-forwarded-user": "ada", "x-forwarded-role": "operator" };
  expect(await who(operator)).toMatchObject({ role: "operator", scopes: ["read", "control", "enqueue"] });
  // If the proxy sends no name, nobody has access, even though there are no keys and the service listens on loopback.
  expect(await who({})).toMatchObject({ authenticated: false, keysRequired: true });
  expect(await who({ ...operator, "x-forwarded-role": "root" })).toMatchObject({ authenticated: false });
  expect((await call(pause({ ...operator, ...OWN }))).status).toBe(200);
  expect((await call(pause(operator))).status).toBe(403);
  expect((await call(pause({ "x-forwarded-user": "ada", ...OWN }))).status).toBe(403);
  const from = (remoteAddress: string) => {
    try {
      return entrance.identify({ headers: { "x-forwarded-user": "eve" }, socket: { remoteAddress } }).label;
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(from("10.1.2.3")).toBe("eve");
  expect(from("::ffff:10.1.2.3")).toBe("eve");
  for (const address of ["11.1.2.3", "192.168.0.1", "::1"]) expect(from(address)).toContain("needs a key");
});

test.each([
  [{ PROXY_USER_HEADER: "X-User" }, "needs TRUSTED_PROXIES"],
  [{ TRUSTED_PROXIES: "10.0.0.0/40" }, "is not an address or a network"],
  [{ TRUSTED_PROXIES: "10.0.0" }, "is not an address or a network"],
  [{ PROXY_ROLE_HEADER: "X-Role" }, "needs PROXY_USER_HEADER"],
  [{ SESSION_SECRET: "short" }, "32 characters"],
  [{ SESSION_SECRET: `${"x".repeat(32)},short` }, "32 characters"],
])("%j is refused at boot", (env, problem) => {
  expect(() => loadConfig(observabilityConfig, env as Record<string, string>)).toThrow(problem);
});

test("log-ins and log-outs are in the audit log, refused ones too", async () => {
  const { logIn, call, revoke, made, records } = await served(
    { LOG_INS_PER_MINUTE: "2" },
    { label: "ada", scopes: ["control"] },
    { label: "gone" },
  );
  const [ada, gone] = made;
  const { cookie } = await logIn(` ${ada?.text} `, { ...OWN, "x-request-id": "mine" });
  await call({ method: "DELETE", url: "/v1/session", headers: { cookie, ...OWN } });
  // The second log-out finds no session to end.
  await call({ method: "DELETE", url: "/v1/session", headers: { cookie, ...OWN } });
  if (gone) await revoke(gone.key);
  expect((await logIn(gone?.text ?? "")).status).toBe(401);
  expect((await logIn("a password\nof something else")).status).toBe(401);
  await logIn(ada?.text ?? "");
  expect((await logIn(ada?.text ?? "")).status).toBe(429);
  const known = { actor: "ada", keyId: ada?.key.id, role: "operator", subject: ada?.key.id };
  const unknown = { actor: "unknown", keyId: null, role: null };
  const of = { queue: null, from: "127.0.0.1", reason: null, operationId: null };
  const logInOf = { ...of, action: "session.log_in" };
  const succeeded = { outcome: "succeeded", code: null, count: 0 };
  const refused = { ...unknown, outcome: "refused", code: "unauthorized", count: 1 };
  expect(records).toMatchObject([
    { ...known, ...logInOf, ...succeeded, clientRequestId: "mine" },
    { ...known, ...of, action: "session.log_out", ...succeeded },
    { ...refused, ...logInOf, subject: gone?.key.id },
    { ...refused, ...logInOf, subject: null },
    { ...known, ...logInOf, ...succeeded },
    { ...refused, ...logInOf, subject: ada?.key.id, code: "rate_limited" },
  ]);
  for (const { text } of made) expect(JSON.stringify(records)).not.toContain(text.slice(16));
  expect(JSON.stringify(records)).not.toContain("password");
});

test("strangers cannot fill the audit log, because many refused log-ins share one record", async () => {
  const { server, logIn, made, records } = await served({}, { label: "ada" });
  for (let turn = 0; turn < 200; turn++) {
    const { statusCode } = await server.inject({
      method: "POST",
      url: "/v1/session",
      headers: { host: "127.0.0.1", ...OWN },
      // Each log-in comes from another address, so that the limit per address does not refuse it.
      remoteAddress: `10.0.${turn}.1`,
      payload: { key: "wrong" },
    });
    expect(statusCode).toBe(401);
  }
  expect(records).toHaveLength(10);
  expect((await logIn(made[0]?.text ?? "")).status).toBe(200);
  expect(records.at(-1)).toMatchObject({ actor: "ada", outcome: "succeeded" });
  await server.close();
  const refused = records.filter(({ outcome }) => outcome === "refused");
  expect(refused).toHaveLength(11);
  expect(refused.at(-1)).toMatchObject({ from: "10.0.199.1", count: 190, code: "unauthorized" });
  expect(refused.at(-1)?.reason).toContain("190 refused log-ins");
});

test("refused log-ins without a record of their own get a common record within a minute", async () => {
  vi.useFakeTimers();
  try {
    const actions = fakeActions();
    const audit = new AuditLog({ actions, logger: createLogger({ LOG_LEVEL: "silent" }, "test") });
    const refused = new RefusedLogIns(audit);
    const request = { identity: NOBODY, ip: "::1", id: "r", headers: {} } as unknown as FastifyRequest;
    for (let turn = 0; turn < 15; turn++) refused.add(request, "wrong", "unauthorized");
    expect(actions.records).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(actions.records).toHaveLength(11);
    expect(actions.records.at(-1)).toMatchObject({ count: 5 });
    // All log-ins are recorded by now, so no further record follows.
    await refused.flush();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(actions.records).toHaveLength(11);
  } finally {
    vi.useRealTimers();
  }
});

test("the API description says which routes need a key or a session, and which need neither", async () => {
  const { call } = await served();
  const { paths, components } = (await call({ method: "GET", url: "/openapi.json" })).json() as {
    paths: Record<string, Record<string, { security: object[] }>>;
    components: { securitySchemes: Record<string, { in?: string; name?: string }> };
  };
  expect(paths["/v1/queues"]?.get?.security).toEqual([{ key: [] }, { session: [] }]);
  expect(paths["/v1/session"]?.post?.security).toEqual([]);
  expect(components.securitySchemes.session).toMatchObject({ in: "cookie", name: "holdfast_session" });
});
