import { createLogger } from "@holdfast/service";
import { startTestRedis, type TestRedis, waitUntil } from "@holdfast/service/testing";
import { EndedSessions, Holdfast, mintKey } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { followLogOuts } from "../src/identity/follow-log-outs.ts";
import { Sessions } from "../src/identity/sessions.ts";

let redis: TestRedis;
let client: Holdfast;
beforeAll(async () => {
  redis = await startTestRedis();
  client = new Holdfast({ redis: redis.url });
});
afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

const { key, text } = mintKey({ label: "ada", scopes: ["read"] });
const processOf = (ended?: EndedSessions) =>
  new Sessions({
    ring: { verify: () => key, current: () => key },
    secrets: ["s".repeat(32)],
    idleMs: 60_000,
    maxMs: 60_000,
    secureOnly: false,
    ended,
  });
const cookieOf = (sessions: Sessions, value: string) =>
  sessions.cookiesOf(value, false)[0]?.split(";")[0] ?? "";

test("a log-out that one process answered ends the cookie at every other", async () => {
  const ended = new EndedSessions(client.connection);
  const [here, there] = [processOf(ended), processOf(ended)];
  const { session, value } = here.open(text);
  const other = here.open(text);
  const cookie = cookieOf(here, value);
  expect(there.find(cookie)).toMatchObject({ id: session.id });
  const abort = new AbortController();
  const following = followLogOuts(there, createLogger({ LOG_LEVEL: "silent" }, "test"), abort.signal);
  await here.end(session);
  expect(here.find(cookie)).toBeUndefined();
  await waitUntil("it is over there as well", () => there.find(cookie) === undefined, 5_000);
  expect(there.find(cookieOf(here, other.value))).toMatchObject({ id: other.session.id });
  abort.abort();
  await following;
});

test("what would have ended by itself is kept no longer", async () => {
  const ended = new EndedSessions(client.connection, "kept");
  await ended.add("old", 1_000, 500);
  expect(await ended.list(999)).toEqual([["old", 1_000]]);
  expect(await ended.list(1_001)).toEqual([]);
  await ended.add("new", 9_000, 2_000);
  expect(await client.connection.command("ZCARD", "kept:{:system}:ended_sessions")).toBe(1);
});

test("with Redis away it is over here, and the caller is told", async () => {
  const away = {
    add: () => Promise.reject(new Error("away")),
    list: () => Promise.reject(new Error("away")),
  };
  const sessions = processOf(away as unknown as EndedSessions);
  const { session, value } = sessions.open(text);
  await expect(sessions.end(session)).rejects.toThrow("away");
  expect(sessions.find(cookieOf(sessions, value))).toBeUndefined();
});
