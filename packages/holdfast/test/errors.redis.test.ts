import { expect, test } from "vitest";
import { auditQueue } from "../src/engine/audit.ts";
import { muteError, readErrors } from "../src/engine/errors.ts";
import { ERROR_BUCKET_MS, ERROR_CROWDED_MS, ERROR_KEPT_MS, ERRORS_KEPT } from "../src/engine/format.ts";
import { toldOf } from "../src/engine/signature.ts";
import { setup } from "./support/setup.ts";
import type { TestQueue } from "./support/test-queue.ts";

const told = (error: string, version = "1", tags: string[] = []) =>
  toldOf({ type: "t", version, tags, error });
const signature = (error: string) => told(error).split(" ")[0] ?? "";

/** Fails one attempt of the task. */
async function fail(q: TestQueue, kind: "fail" | "fatal", error: string, version = "1", tags: string[] = []) {
  const { id, fence } = await q.grant();
  return q.settleOne({ kind, id, fence, delayMs: 0, error, told: told(error, version, tags) });
}

/** Returns how many dead letters each error has, by its text, and how many have no signature. */
async function dead(q: TestQueue) {
  const { errors, other } = await readErrors(q.engine);
  const counts = errors.map(({ error, reason, dead }) => [error ?? reason ?? "", dead]);
  return { ...Object.fromEntries(counts.sort()), other: other.dead };
}

test("failures that differ only in numbers, ids and quoted text are one error, with its counts, versions and tags", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"]);
  const begin = q.now;
  expect(await fail(q, "fail", "Error: order 1 of 0x1f is late", "1.0", ["eu"])).toBe("retried");
  q.advance(ERROR_BUCKET_MS);
  await fail(q, "fatal", "Error: order 22 of 0xbeef is late", "1.1", ["us", "eu"]);
  await fail(q, "fatal", "Error: order 3 is late", "1.1");
  const { errors, other } = await readErrors(q.engine);
  expect(errors.find(({ failures }) => failures === 2)).toEqual({
    ...{ signature: signature("Error: order 7 of 0x00 is late"), type: "t" },
    ...{ error: "Error: order 1 of 0x1f is late", reason: null, dead: 1, failures: 2, mute: null },
    ...{ firstAt: begin, lastAt: q.now, versions: ["1.0", "1.1"], tags: ["eu", "us"] },
    series: [begin, q.now].map((at) => ({ at: at - (at % ERROR_BUCKET_MS), failures: 1 })),
  });
  expect(errors).toHaveLength(2);
  expect(other).toMatchObject({ failures: 0, dead: 0 });
});

test("replay, discard, restore, empty, caps and a new life of an id keep the dead letters of each error exact", async () => {
  const q = await setup();
  const ids = ["r", "d", "m", "again", "old", "e"];
  await q.add(ids, { fingerprint: "fp" });
  for (const _ of ids) await fail(q, "fatal", "Error: x");
  await q.addDead("unsigned");
  expect(await dead(q)).toEqual({ "Error: x": 6, other: 1 });
  await q.engine.replay(["r", "", "unsigned", ""]);
  await q.engine.discard(["d", "", "m", "elsewhere"], undefined, { discard: "one" });
  expect(await dead(q)).toEqual({ "Error: x": 3, other: 0 });
  await q.engine.restore(["d"], "one");
  expect(await dead(q)).toEqual({ "Error: x": 4, other: 0 });
  expect((await q.engine.get(["d"]))[0]?.record).toContain(` fatal !${signature("Error: x")}\n`);
  await q.add("again", { fingerprint: "fp" });
  expect(await dead(q)).toEqual({ "Error: x": 3, other: 0 });
  await q.engine.configure({ maxDead: 2 });
  await q.engine.purge(200, 1);
  expect(await dead(q)).toEqual({ "Error: x": 2, other: 0 });
  await q.engine.empty("deadLetters", "dead", 500);
  expect(await dead(q)).toEqual({ "Error: x": 0, other: 0 });
});

test("deaths without an error are counted under their reason, and a task that is given up under its error", async () => {
  const q = await setup();
  await q.add("crashed", { maxRetries: 0 });
  await q.grant();
  await q.crash();
  await q.add("nobody", { type: "none" });
  await q.acquire(1, { types: " t", noHandlerAfterMs: 1 });
  q.advance(5);
  await q.engine.reject(["t"], "nothing", 100);
  await q.add(["given", "up"], { delayMs: 60_000 });
  const about = ["3", "fatal", "0", "0", "-"];
  await q.engine.giveUp(["given", ...about, "Error: <n>\nError: 7", "up", ...about, "-"]);
  expect(await dead(q)).toEqual({ "Error: 7": 1, crashes_exhausted: 1, fatal: 1, no_handler: 1, other: 0 });
  const { errors } = await readErrors(q.engine);
  expect(errors.find(({ error }) => error === "Error: 7")?.signature).toBe(signature("Error: 8"));
});

test("a crash is counted although the task runs again", async () => {
  const q = await setup();
  await q.add("a");
  await q.grant();
  await q.crash();
  expect((await readErrors(q.engine)).errors).toMatchObject([
    { reason: "crashes_exhausted", type: "t", failures: 1, dead: 0 },
  ]);
});

test("a full queue of errors counts new ones under other, until a purge makes room", async () => {
  const q = await setup();
  const texts = Array.from({ length: ERRORS_KEPT + 1 }, (_, at) =>
    [...String(at)].map((digit) => "qrstuvwxyz"[Number(digit)]).join(""),
  );
  await q.add(texts.map((text) => `id-${text}`));
  const { grants } = await q.acquire(texts.length);
  const of = (text: string) => {
    const { id, fence } = grants.find((grant) => grant.id === `id-${text}`) ?? { id: "", fence: "" };
    const isLast = text === texts.at(-1);
    const error = `Error: ${text}`;
    const kind = isLast ? "fatal" : "fail";
    return { kind, id, fence, delayMs: 60_000, error, told: told(error) } as const;
  };
  await q.settle(texts.slice(0, 300).map(of));
  await q.settle(texts.slice(300).map(of));
  const full = await readErrors(q.engine);
  expect([full.errors.length, full.other.dead, full.other.failures]).toEqual([ERRORS_KEPT, 1, 1]);
  await muteError(q.engine, signature(`Error: ${texts[0]}`), {
    ...{ by: "me", at: q.now, until: null, untilFailures: null },
  });
  q.advance(ERROR_CROWDED_MS);
  for (let purges = 0; purges < 20; purges++) await q.engine.purge(200, 1);
  const crowded = (await readErrors(q.engine)).errors.length;
  expect(crowded).toBeLessThanOrEqual(0.9 * ERRORS_KEPT);
  expect(crowded).toBeGreaterThan(0.8 * ERRORS_KEPT);
  await q.add("new");
  await fail(q, "fatal", "Error: new");
  q.advance(ERROR_KEPT_MS);
  await expect
    .poll(
      async () => {
        await q.engine.purge(200, 1);
        return (await readErrors(q.engine)).errors.map(({ error }) => error).sort();
      },
      { timeout: 60_000, interval: 1 },
    )
    .toEqual(["Error: new", `Error: ${texts[0]}`]);
  expect(await dead(q)).toMatchObject({ "Error: new": 1, other: 1 });
});

test("a restored dead letter whose error was forgotten is counted under other", async () => {
  const q = await setup();
  await q.add("a");
  await fail(q, "fatal", "Error: x");
  await q.engine.discard(["a", ""], undefined, { discard: "one" });
  q.advance(ERROR_KEPT_MS);
  await q.engine.purge(200, 1, 2 * ERROR_KEPT_MS);
  expect((await readErrors(q.engine)).errors).toEqual([]);
  expect(await q.engine.restore(["a"], "one")).toBe("r");
  expect(await dead(q)).toEqual({ other: 1 });
  await q.add("b");
  await fail(q, "fatal", "Error: x");
  await q.engine.replay(["a", ""]);
  expect(await dead(q)).toEqual({ "Error: x": 1, other: 0 });
});

test("the series keeps the failures of the last day", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 100 });
  for (let at = 0; at < 10; at++) {
    await fail(q, "fail", "Error: x");
    q.advance(20 * ERROR_BUCKET_MS);
  }
  const [error] = (await readErrors(q.engine)).errors;
  expect(error?.failures).toBe(10);
  expect(error?.series).toHaveLength(8);
  expect(error?.series.at(-1)?.at).toBe((error?.lastAt ?? 0) - ((error?.lastAt ?? 0) % ERROR_BUCKET_MS));
});

test("a full list of versions keeps the first and the newest ones", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 100 });
  for (let version = 1; version <= 12; version++) await fail(q, "fail", "Error: x", `v${version}`);
  expect((await readErrors(q.engine)).errors[0]?.versions).toEqual([
    "v1",
    "v4",
    "v5",
    "v6",
    "v7",
    "v8",
    "v9",
    "v10",
    "v11",
    "v12",
  ]);
});

test("an error is muted and unmuted, and an unknown one is not", async () => {
  const q = await setup();
  await q.add("a");
  await fail(q, "fail", "Error: x");
  const mute = { by: "me", at: q.now, until: q.now + 5, untilFailures: 7 };
  expect(await muteError(q.engine, signature("Error: x"), mute)).toBe(true);
  expect((await readErrors(q.engine)).errors[0]?.mute).toEqual(mute);
  expect(await muteError(q.engine, signature("Error: x"), null)).toBe(true);
  expect((await readErrors(q.engine)).errors[0]?.mute).toBeNull();
  expect(await muteError(q.engine, "abc", mute)).toBe(false);
});

test("an audit finds a wrong count of dead letters, and a repair corrects it", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  for (const _ of "ab") await fail(q, "fatal", "Error: x");
  const field = `#!${signature("Error: x")}`;
  const counts = (await q.redis.hget(q.keys.state, field)) ?? "";
  await q.redis.hset(q.keys.state, field, counts.replace("2 ", "5 "));
  const detail = `dead letters of the error ${signature("Error: x")}: counted 5, found 2`;
  expect((await auditQueue(q.engine)).violations).toEqual([{ invariant: "I18", detail }]);
  expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(1);
  expect((await auditQueue(q.engine)).violations).toEqual([]);
  expect(await q.redis.hget(q.keys.state, field)).toBe(counts);
});
