import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiKey } from "@holdfast/contracts";
import { until } from "@holdfast/testing";
import { HoldfastError } from "holdfast";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { identifyByKey, NOT_YET_KNOWN } from "./access.ts";
import { mintKey } from "./key.ts";
import { KeyRing } from "./key-ring.ts";
import { openKeys } from "./open-keys.ts";

const logger = pino({ level: "silent" });
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

const make = (label = "ci", more: { expiresAt?: number; queues?: string[] } = {}) =>
  mintKey({ label, scopes: ["enqueue"], ...more });

/** A store that can be unreachable, like Redis. */
function fakeStore(...keys: ApiKey[]) {
  const store = {
    keys,
    changes: keys.length,
    isAway: false,
    /** The uses that each call of `noteUses` wrote. */
    noted: [] as [id: string, at: number][][],
    async noteUses(uses: ReadonlyMap<string, number>) {
      if (store.isAway) throw new HoldfastError("redis_unavailable", "away");
      store.noted.push([...uses]);
    },
    async version() {
      if (store.isAway) throw new HoldfastError("redis_unavailable", "away");
      return store.changes === 0 ? null : String(store.changes);
    },
    async read() {
      return { version: await store.version(), keys: [...store.keys], unreadable: [] };
    },
    set(...next: ApiKey[]) {
      store.keys = next;
      store.changes++;
    },
  };
  return store;
}

function ringOver(store: ReturnType<typeof fakeStore>, file?: string): KeyRing {
  const ring = new KeyRing({ store, file, logger, pollMs: 10 });
  cleanups.push(() => ring.stop());
  return ring;
}

const bearer = (text: string) => `Bearer ${text}`;
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "none";
  } catch (error) {
    return (error as HoldfastError).code;
  }
};

function keysFile(...keys: ApiKey[]) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-ring-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "keys.json");
  const write = (...keys: ApiKey[]) => {
    writeFileSync(`${path}.next`, JSON.stringify({ keys }));
    renameSync(`${path}.next`, path);
  };
  write(...keys);
  return { path, write };
}

test("a key is recognised by its header, and identifies its holder", async () => {
  const { key, text } = make("shop", { queues: ["mail"] });
  const ring = ringOver(fakeStore(key));
  await ring.load();
  expect(ring.identify(bearer(text))).toEqual({
    kind: "key",
    label: "shop",
    keyId: key.id,
    role: "viewer",
    scopes: ["enqueue"],
    queues: ["mail"],
  });
  expect(ring.identify(`bearer  ${text} `)).toEqual(ring.identify(bearer(text)));
  for (const header of ["", text, `Basic ${text}`, bearer(""), bearer(`${text}x`), bearer(make().text)])
    expect([header, codeOf(() => ring.identify(header))]).toEqual([header, "unauthorized"]);
  const other = `${text.slice(0, 16)}${make().text.slice(16)}`;
  expect(codeOf(() => ring.identify(bearer(other)))).toBe("unauthorized");
});

test("a key ends when it is revoked and when it expires, even if its header was verified before", async () => {
  const [kept, gone] = [make("kept"), make("gone")];
  const soon = make("soon", { expiresAt: Date.now() + 300 });
  const store = fakeStore(kept.key, gone.key, soon.key);
  const ring = ringOver(store);
  await ring.load();
  ring.start();
  for (const { text } of [kept, gone, soon]) ring.identify(bearer(text));
  store.set(kept.key, soon.key);
  await until(
    "the revoked key is unknown",
    () => codeOf(() => ring.identify(bearer(gone.text))) === "unauthorized",
    1_000,
  );
  await until("the key has expired", () => codeOf(() => ring.identify(bearer(soon.text))) === "unauthorized");
  expect(ring.identify(bearer(kept.text)).label).toBe("kept");
  expect(ring.current(soon.key.id, soon.key.sha256)).toBeUndefined();
  expect(ring.current(kept.key.id, gone.key.sha256)).toBeUndefined();
  expect(ring.current(kept.key.id, kept.key.sha256)).toEqual(kept.key);
});

test("the last use of a key is written at most once a minute, and not during a request", async () => {
  const [busy, idle, ofFile] = [make("busy"), make("idle"), make("of a file")];
  const store = fakeStore(busy.key, idle.key);
  const ring = ringOver(store, keysFile(ofFile.key).path);
  await ring.load();
  const realNow = Date.now;
  let later = 0;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => realNow() + later);
  cleanups.push(() => clock.mockRestore());
  const before = Date.now();
  for (let turn = 0; turn < 100; turn++) ring.identify(bearer(busy.text));
  ring.identify(bearer(ofFile.text));
  expect(codeOf(() => ring.identify(bearer(`${idle.text.slice(0, -1)}!`)))).toBe("unauthorized");
  ring.start();
  await until("the use of the key is written", () => store.noted.length > 0);
  expect(store.noted).toEqual([[[busy.key.id, expect.any(Number)]]]);
  const notedAt = store.noted[0]?.[0]?.[1] ?? 0;
  expect(notedAt).toBeGreaterThanOrEqual(before);
  // At most one use per minute is written, so this use is not written yet.
  later = 59_000;
  ring.identify(bearer(busy.text));
  let looks = 0;
  const { version } = store;
  store.version = () => {
    looks++;
    return version();
  };
  await until("the ring has polled", () => looks > 5);
  expect(store.noted).toHaveLength(1);
  // The use at 59 s is written in the next minute, even if no other use follows.
  later = 61_000;
  await until("the use is written again", () => store.noted.length > 1);
  expect(store.noted[1]).toEqual([[busy.key.id, expect.any(Number)]]);
  expect(store.noted[1]?.[0]?.[1]).toBeGreaterThanOrEqual(notedAt + 59_000);
  later = 130_000;
  looks = 0;
  await until("the ring has polled", () => looks > 5);
  expect(store.noted).toHaveLength(2);
  // A session and a log-in are uses of their key, too.
  ring.current(idle.key.id, idle.key.sha256);
  ring.verify(busy.text);
  await until("the uses of both keys are written", () => store.noted.length > 2);
  expect(store.noted[2]?.map(([id]) => id)).toEqual([busy.key.id, idle.key.id]);
});

test("a use that cannot be written is written a minute later, and no request fails", async () => {
  const { key, text } = make();
  const store = fakeStore(key);
  const ring = ringOver(store);
  await ring.load();
  let tries = 0;
  const { noteUses } = store;
  store.noteUses = (uses) => {
    tries++;
    return noteUses(uses);
  };
  const realNow = Date.now;
  let later = 0;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => realNow() + later);
  cleanups.push(() => clock.mockRestore());
  store.isAway = true;
  ring.start();
  expect(ring.identify(bearer(text)).label).toBe("ci");
  await until("the ring has tried to write", () => tries === 1);
  Object.assign(store, { isAway: false });
  expect(ring.identify(bearer(text)).label).toBe("ci");
  expect(store.noted).toEqual([]);
  later = 61_000;
  await until("the use of the key is written", () => store.noted.length === 1);
  expect(tries).toBe(2);
});

test("the last known keys stay valid while Redis is down, and if Redis then has no keys, nobody gets access", async () => {
  const { key, text } = make();
  const store = fakeStore(key);
  const ring = ringOver(store);
  await ring.load();
  ring.start();
  store.isAway = true;
  let polls = 0;
  const { version } = store;
  store.version = () => {
    polls++;
    return version();
  };
  await until("the ring has polled", () => polls > 3);
  expect(ring.identify(bearer(text)).label).toBe("ci");
  Object.assign(store, { isAway: false, keys: [], changes: 0 });
  await until("the key is unknown", () => codeOf(() => ring.identify(bearer(text))) === "unauthorized");
  expect(ring.isInUse).toBe(true);
  const identify = identifyByKey({ ring, host: "127.0.0.1", allowUnauthenticated: false });
  expect(codeOf(() => identify({ headers: {} }))).toBe("unauthorized");
});

test("keys in a file are valid beside those in Redis, changes are read, and an invalid file removes no key", async () => {
  const [inFile, inRedis, added] = [make("file"), make("redis"), make("added")];
  const file = keysFile(inFile.key);
  const ring = ringOver(fakeStore(inRedis.key), file.path);
  expect(ring.identify(bearer(inFile.text)).label).toBe("file");
  expect(codeOf(() => ring.identify(bearer(inRedis.text)))).toBe("redis_unavailable");
  await ring.load();
  ring.start();
  expect(ring.identify(bearer(inRedis.text)).label).toBe("redis");
  file.write(added.key);
  await until(
    "the key in the file is known",
    () => codeOf(() => ring.identify(bearer(added.text))) === "none",
    1_000,
  );
  expect(codeOf(() => ring.identify(bearer(inFile.text)))).toBe("unauthorized");
  writeFileSync(file.path, "{");
  file.write(added.key, inFile.key);
  await until(
    "the first key in the file is known again",
    () => codeOf(() => ring.identify(bearer(inFile.text))) === "none",
    1_000,
  );
  rmSync(file.path);
  const looked = performance.now() + 100;
  await until("the ring has polled", () => performance.now() > looked);
  expect(ring.identify(bearer(added.text)).label).toBe("added");
});

test("a file that cannot be read stops the start", () => {
  expect(() => ringOver(fakeStore(), "/none/keys.json")).toThrow(/^API_KEYS_FILE: .*\/none\/keys\.json/);
});

test("keys are recognised even if there are more different headers than the cache holds", async () => {
  const { key, text } = make();
  const ring = ringOver(fakeStore(key));
  await ring.load();
  for (let spaces = 1; spaces < 3_000; spaces++) ring.identify(`Bearer${" ".repeat(spaces)}${text}`);
  expect(ring.identify(bearer(text)).label).toBe("ci");
});

const ways = {
  "on the loopback address without keys": {
    host: "127.0.0.1",
    keys: false,
    none: "anonymous",
    bad: "anonymous",
  },
  "on the loopback address with keys": {
    host: "127.0.0.1",
    keys: true,
    none: "unauthorized",
    bad: "unauthorized",
  },
  "on every address without keys": {
    host: "0.0.0.0",
    keys: false,
    none: "unauthorized",
    bad: "unauthorized",
  },
  "on every address with keys": { host: "0.0.0.0", keys: true, none: "unauthorized", bad: "unauthorized" },
  "on every address without keys, if that is allowed": {
    host: "0.0.0.0",
    keys: false,
    allow: true,
    none: "anonymous",
    bad: "anonymous",
  },
  "on every address with keys, if callers without one are allowed": {
    host: "0.0.0.0",
    keys: true,
    allow: true,
    none: "anonymous",
    bad: "unauthorized",
  },
};
test.each(Object.entries(ways))(
  "a service %s identifies each caller",
  async (_name, { host, keys, none, bad, ...way }) => {
    const { key, text } = make();
    const ring = ringOver(keys ? fakeStore(key) : fakeStore());
    const identify = identifyByKey({ ring, host, allowUnauthenticated: "allow" in way });
    const seen = (authorization?: string) => {
      try {
        const identity = identify({ headers: authorization === undefined ? {} : { authorization } });
        return identity === NOT_YET_KNOWN ? "not yet known" : identity.kind;
      } catch (error) {
        return (error as HoldfastError).code;
      }
    };
    // Nobody gets access until the keys were read for the first time.
    expect(["unauthorized", "not yet known", "allow" in way && "anonymous"]).toContain(seen());
    expect(["redis_unavailable", "not yet known"]).toContain(seen(bearer(text)));
    await ring.load();
    expect(seen()).toBe(none);
    expect(seen(bearer(make().text))).toBe(bad);
    if (keys) expect(seen(bearer(text))).toBe("key");
  },
);

test("a service beyond loopback does not start without keys, and says what to do", async () => {
  const { signal } = new AbortController();
  const open = (host: string, allowUnauthenticated: boolean, ...keys: ApiKey[]) =>
    openKeys({ ring: ringOver(fakeStore(...keys)), host, allowUnauthenticated }, signal);
  await expect(open("0.0.0.0", false)).rejects.toThrow(/holdfast key create.*API_KEYS_FILE.*HOST=127/s);
  await expect(open("0.0.0.0", false, { ...make().key, expiresAt: 1 })).rejects.toThrow("no keys");
  await open("0.0.0.0", true);
  await open("0.0.0.0", false, make().key);
  await open("127.0.0.1", false);
  const store = fakeStore();
  store.read = async () => {
    throw new HoldfastError("internal", "NOPERM this user has no permissions");
  };
  const ring = ringOver(store);
  await expect(openKeys({ ring, host: "::1", allowUnauthenticated: false }, signal)).rejects.toThrow(
    /NOPERM.*infra\/redis\/acl/,
  );
});
