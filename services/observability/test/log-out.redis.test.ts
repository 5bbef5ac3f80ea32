import { createLogger } from "@holdfast/service";
import { mintKey } from "@holdfast/service/keys";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EndedSessions } from "../src/identity/ended-sessions.ts";
import { followLogOuts } from "../src/identity/follow-log-outs.ts";
import { Sessions } from "../src/identity/sessions.ts";

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

const { key } = mintKey({ label: "ada", scopes: ["read"] });
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

test("after a log-out at one process, all processes refuse the cookie", async () => {
  const ended = new EndedSessions(client);
  const [here, there] = [processOf(ended), processOf(ended)];
  const { session, value } = here.open(key);
  const other = here.open(key);
  const cookie = cookieOf(here, value);
  expect(there.find(cookie)).toMatchObject({ id: session.id });
  const abort = new AbortController();
  const following = followLogOuts(there, createLogger({ LOG_LEVEL: "silent" }, "test"), abort.signal);
  await here.end(session);
  expect(here.find(cookie)).toBeUndefined();
  await until(
    "the session has ended in the other process as well",
    () => there.find(cookie) === undefined,
    5_000,
  );
  expect(there.find(cookieOf(here, other.value))).toMatchObject({ id: other.session.id });
  abort.abort();
  await following;
});

const read = async (ended: EndedSessions, since = "") => {
  const found = { ids: [] as string[], cursor: since, pages: 0 };
  for await (const page of ended.after(since)) {
    found.ids.push(...page.ended.map(([id]) => id));
    found.cursor = page.cursor;
    found.pages++;
  }
  return found;
};

/** Adds log-outs in the past. The time is part of the id of each stream entry. */
const entriesOf = (prefix: string, count: number, at: number) =>
  Promise.all(
    Array.from({ length: count }, (_, index) => {
      const entry = ["id", `old-${index}`, "until", String(at + 3_600_000)] as const;
      return client.connection.command("XADD", `${prefix}:{:system}:log_outs`, `${at + index}-0`, ...entry);
    }),
  );

test("a poll reads every new log-out and no old one, however many there are", async () => {
  const ended = new EndedSessions({ connection: client.connection, prefix: "many" });
  const base = Date.now() - 60_000;
  await entriesOf("many", 11_000, base);
  const first = await read(ended);
  // All 11,000 log-outs were read. If one were missed, a copy of its cookie would stay valid.
  expect(first.ids).toEqual(Array.from({ length: 11_000 }, (_, at) => `old-${at}`));
  await ended.add("new", base + 3_600_000, 3_600_000);
  const second = await read(ended, first.cursor);
  expect(second.ids.at(-1)).toBe("new");
  // The log-outs of the last two seconds are read again, because the clock can be behind after a failover.
  expect(second.ids.length).toBeLessThanOrEqual(2_002);
  expect((await read(ended, second.cursor)).ids).toEqual(["new"]);
});

test("log-outs whose cookies have expired are dropped", async () => {
  const ended = new EndedSessions({ connection: client.connection, prefix: "kept" });
  await entriesOf("kept", 500, Date.now() - 120_000);
  await ended.add("last", 1_000, 60_000);
  // Redis removes stream entries in whole nodes of 100.
  expect((await read(ended)).ids.length).toBeLessThanOrEqual(100);
  expect((await read(ended)).ids.at(-1)).toBe("last");
});

test("each poll makes one pass over the sessions, even with tens of thousands of log-outs", async () => {
  const seen: string[] = [];
  const all = Array.from({ length: 60_000 }, (_, at) => [`s${at}`, Date.now() + 3_600_000] as const);
  const sessions = processOf({
    async *after(since: string) {
      seen.push(since);
      yield since === "" ? { ended: all, cursor: "1-0" } : { ended: [], cursor: since };
    },
  } as unknown as EndedSessions);
  const started = performance.now();
  await sessions.learn();
  for (let at = 0; at < 20; at++) await sessions.learn();
  // This limit would be exceeded if each log-out caused a pass over all sessions.
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(seen).toEqual(["", ...Array<string>(20).fill("1-0")]);
});

test("a request makes no pass over thousands of open sessions", () => {
  const sessions = processOf();
  const started = performance.now();
  for (let at = 0; at < 5_000; at++) {
    const { session, value } = sessions.open(key);
    for (let turn = 0; turn < 4; turn++) sessions.use(session, cookieOf(sessions, value));
  }
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("while Redis is down, a log-out ends the session in this process and reports the error", async () => {
  const away = {
    add: () => Promise.reject(new Error("away")),
    after: () => {
      throw new Error("away");
    },
  };
  const sessions = processOf(away as unknown as EndedSessions);
  const { session, value } = sessions.open(key);
  await expect(sessions.end(session)).rejects.toThrow("away");
  expect(sessions.find(cookieOf(sessions, value))).toBeUndefined();
});
