import type { AuditRecord } from "@holdfast/contracts/api";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Holdfast } from "../src/index.ts";
import { auditTrimScript } from "../src/redis/generated/auditTrim.ts";

let redis: RedisServer;
let client: Holdfast;
beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});
const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
  await client?.close();
  await redis?.stop();
});

const record = (subject: string): AuditRecord => ({
  ...{ at: Date.now(), actor: "ops", keyId: null, role: "admin", from: "::1", action: "task.cancel" },
  ...{ queue: "q", subject, count: 1, reason: null, outcome: "succeeded", code: null },
  ...{ clientRequestId: null, requestId: "r", operationId: null },
});

test("records are paged newest first, and exported oldest first", async () => {
  for (const subject of ["a", "b", "c"]) await client.actions.append(record(subject));
  const first = await client.actions.page({ limit: 2 });
  expect(first.records.map(({ subject }) => subject)).toEqual(["c", "b"]);
  const second = await client.actions.page({ limit: 2, cursor: first.cursor ?? "" });
  expect(second).toMatchObject({ records: [{ subject: "a" }], cursor: null, total: 3 });
  const walked: unknown[] = [];
  for await (const page of client.actions.all({})) walked.push(...page.map(({ subject }) => subject));
  expect(walked).toEqual(["a", "b", "c"]);
});

/** Makes an audit log with this many records, one second apart. */
async function logOf(count: number) {
  const prefix = `log-${Math.random().toString(36).slice(2)}`;
  const own = new Holdfast({ redis: redis.url, prefix });
  closers.push(() => own.close());
  const key = `${prefix}:{:system}:audit_log`;
  const texts = Array.from(
    { length: count },
    (_, n) =>
      `${(n + 1) * 1_000} ${JSON.stringify({ ...record(`s${n}`), queue: n % 10 === 0 ? "ten" : "q" })}`,
  );
  for (let at = 0; at < count; at += 500)
    await own.connection.command("RPUSH", key, ...texts.slice(at, at + 500));
  const subjects = async (filter: Parameters<typeof own.actions.page>[0]) => {
    const found: string[] = [];
    let cursor = filter.cursor;
    do {
      const page = await own.actions.page({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.records.map(({ subject }) => subject ?? ""));
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    return found;
  };
  const walk = async (filter: Parameters<typeof own.actions.all>[0]) => {
    const found: string[] = [];
    for await (const page of own.actions.all(filter)) found.push(...page.map(({ subject }) => subject ?? ""));
    return found;
  };
  return { own, key, subjects, walk };
}

test("records of a time span are found from both ends, page by page", async () => {
  const { subjects, walk } = await logOf(1_000);
  const of = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `s${from + n}`);
  for (const [filter, expected] of [
    [{}, of(0, 1_000)],
    [{ from: 500_000 }, of(499, 1_000)],
    [{ to: 500_000 }, of(0, 499)],
    [{ from: 1_001, to: 400_000 }, of(1, 399)],
    [{ from: 400_000, to: 400_001 }, ["s399"]],
    [{ from: 2_000_000 }, []],
  ] as const) {
    expect([filter, await walk(filter)]).toEqual([filter, expected]);
    expect([filter, await subjects({ ...filter, limit: 37 })]).toEqual([filter, [...expected].reverse()]);
  }
  expect(await subjects({ queue: "ten", limit: 7 })).toHaveLength(100);
});

test("a page ends after a bounded number of records, and its cursor continues", async () => {
  const { own, subjects } = await logOf(5_000);
  const first = await own.actions.page({ actor: "nobody", limit: 10 });
  expect(first).toMatchObject({ records: [], scanned: 2_000, total: 5_000 });
  expect(await own.actions.page({ actor: "nobody", limit: 10, cursor: first.cursor ?? "" })).toMatchObject({
    scanned: 2_000,
  });
  expect(await subjects({ actor: "nobody", limit: 10 })).toEqual([]);
});

test("the oldest records beyond a bound are removed, and older cursors stay valid", async () => {
  const { own, subjects, walk } = await logOf(3_000);
  const first = await own.actions.page({ limit: 500 });
  expect(await own.actions.trim(1_000)).toBe(2_000);
  expect(await own.actions.trim(1_000)).toBe(0);
  const second = await own.actions.page({ limit: 500, cursor: first.cursor ?? "" });
  expect(second.records.map(({ subject }) => subject)).toEqual(
    Array.from({ length: 500 }, (_, n) => `s${2_499 - n}`),
  );
  expect(second).toMatchObject({ cursor: null, total: 1_000 });
  expect(await subjects({ limit: 100, from: 2_990_000 })).toHaveLength(11);
  expect((await walk({}))[0]).toBe("s2000");
  // The record that this cursor names was removed.
  expect(await own.actions.page({ limit: 10, cursor: "5-7" })).toMatchObject({ records: [], cursor: null });
});

test.each([0, 1, 2])(
  "if a trim is aborted after %i of its calls, no record that has to be kept is lost",
  async (calls) => {
    const { own, key, subjects, walk } = await logOf(1_500);
    const { cursor } = await own.actions.page({ limit: 500 });
    const { source } = auditTrimScript;
    let left = calls;
    // The script fails at this call instead of making it.
    const cut = source.replaceAll(/redis\.call\('(LTRIM|INCRBY)'/g, (call) =>
      left-- > 0 ? call : "error('cut') redis.call('X'",
    );
    const dropped = key.replace("audit_log", "audit_dropped");
    const run = own.connection.command("EVAL", cut, 2, key, dropped, 1_000);
    if (calls === 2) expect(await run).toBe(500);
    else await expect(run).rejects.toThrow("cut");
    // The following pages show the other records.
    expect(await subjects({ limit: 100, cursor: cursor ?? "" })).toEqual(
      expect.arrayContaining(Array.from({ length: 500 }, (_, n) => `s${500 + n}`)),
    );
    await own.actions.trim(1_000);
    expect((await walk({})).slice(-1_000)).toEqual(Array.from({ length: 1_000 }, (_, n) => `s${500 + n}`));
  },
);

test("a time span before 1970 is empty, but not an error", async () => {
  for (const filter of [{ to: 0 }, { to: -5 }, { from: 10, to: 5 }, { from: 0, to: 1 }]) {
    expect(await client.actions.page({ ...filter, limit: 10 })).toMatchObject({ records: [], cursor: null });
    for await (const page of client.actions.all(filter)) expect(page).toEqual([]);
  }
  expect((await client.actions.page({ cursor: "0-0", limit: 10 })).records).toEqual([]);
});

test("a record of an older version has no subject", async () => {
  const { subject: _, ...old } = record("gone");
  await client.actions.append(old as AuditRecord);
  expect((await client.actions.page({ limit: 1 })).records).toEqual([{ ...old, subject: null }]);
});
