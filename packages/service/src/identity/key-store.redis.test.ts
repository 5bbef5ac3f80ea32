import { type ApiKey, isApiKey } from "@holdfast/contracts";
import { Holdfast } from "holdfast";
import { nanoid } from "nanoid";
import { expect, inject, onTestFinished, test } from "vitest";
import { isTextOf, keyIdOf, mintKey, viewOfKey } from "./key.ts";
import { KeyStore } from "./key-store.ts";

async function setup() {
  const prefix = `k${nanoid(10).replaceAll(/[^A-Za-z0-9]/g, "x")}`;
  const client = new Holdfast({ redis: inject("holdfastRedisUrl"), prefix });
  onTestFinished(() => client.close());
  await client.check();
  const usesKey = `${prefix}:{:system}:key_uses`;
  return { keys: new KeyStore(client), client, hash: `${prefix}:{:system}:keys`, usesKey };
}

const make = (label = "ci") => mintKey({ label, scopes: ["enqueue", "read"] });

test("a stored key is read back unchanged, and its text is nowhere in Redis", async () => {
  const { keys, client, hash } = await setup();
  expect(await keys.read()).toEqual({ version: null, keys: [], unreadable: [] });
  const { key, text } = mintKey({
    label: "the shop",
    scopes: ["read", "enqueue", "read"],
    queues: ["mail", "mail", "sms"],
    expiresAt: Date.now() + 60_000,
  });
  await keys.add(key);
  const [found, ...others] = await keys.list();
  expect(others).toEqual([]);
  expect(found).toEqual({ ...key, lastUsedAt: null });
  expect(found).toMatchObject({ scopes: ["enqueue", "read"], queues: ["mail", "sms"] });
  const stored = JSON.stringify(await client.connection.command("HGETALL", hash));
  expect(stored).not.toContain(text.slice(text.lastIndexOf("_") + 1));
  expect(stored).toContain(key.sha256);
  expect(Object.keys(viewOfKey(key))).not.toContain("sha256");
});

test("each change changes the version, and a revocation removes only its key", async () => {
  const { keys } = await setup();
  const [first, second] = [make("first").key, make("second").key];
  const versions = [await keys.version()];
  const changed = async (change: Promise<void>) => {
    await change;
    versions.push(await keys.version());
  };
  await changed(keys.add(first));
  await changed(keys.add(second));
  await changed(keys.revoke(first.id));
  expect(versions[0]).toBeNull();
  expect(new Set(versions).size).toBe(4);
  expect((await keys.list()).map(({ id }) => id)).toEqual([second.id]);
  await expect(keys.revoke(first.id)).rejects.toMatchObject({ code: "not_found" });
  await expect(keys.revoke("#version")).rejects.toMatchObject({ code: "not_found" });
  await expect(keys.add(second)).rejects.toMatchObject({ code: "conflict" });
  expect(await keys.version()).toBe(versions.at(-1));
});

test("a key is listed with its last use, and its revocation removes the last use", async () => {
  const { keys, client, usesKey } = await setup();
  const [first, second, third] = [make("first").key, make("second").key, make("third").key];
  for (const key of [first, second, third]) await keys.add(key);
  const before = await keys.version();
  await keys.noteUses(
    new Map([
      [first.id, 1_700_000_000_000],
      [second.id, 1_700_000_000_001],
    ]),
  );
  await keys.noteUses(new Map([[second.id, 1_700_000_060_000]]));
  const used = async () => (await keys.list()).map(({ id, lastUsedAt }) => [id, lastUsedAt]);
  expect(new Map((await used()) as [string, number | null][])).toEqual(
    new Map([
      [first.id, 1_700_000_000_000],
      [second.id, 1_700_000_060_000],
      [third.id, null],
    ]),
  );
  // A recorded use does not change the version, so services do not read all keys again.
  expect(await keys.version()).toBe(before);
  await keys.revoke(first.id);
  expect(await client.connection.command("HKEYS", usesKey)).toEqual([second.id]);
});

test("after the last key was revoked, the store still shows that there were keys", async () => {
  const { keys } = await setup();
  const { key } = make();
  await keys.add(key);
  await keys.revoke(key.id);
  expect(await keys.read()).toMatchObject({ version: expect.any(String), keys: [] });
});

test("an invalid record is reported, and does not affect other keys", async () => {
  const { keys, client, hash } = await setup();
  const { key } = make();
  await client.connection.command("HSET", hash, key.id, JSON.stringify(key));
  expect(await keys.read()).toMatchObject({ version: "", keys: [key] });
  const bad: Record<string, string> = {
    broken: "{",
    [`${"a".repeat(12)}`]: JSON.stringify({ ...key, id: "b".repeat(12) }),
    [`${"c".repeat(12)}`]: JSON.stringify({ ...key, id: "c".repeat(12), scopes: ["root"] }),
    [`${"d".repeat(12)}`]: "null",
  };
  for (const [id, text] of Object.entries(bad)) await client.connection.command("HSET", hash, id, text);
  const stored = await keys.read();
  expect(stored.keys).toEqual([key]);
  expect(stored.unreadable.sort()).toEqual(Object.keys(bad).sort());
});

test("the text of a key fits only that key", () => {
  const one = make();
  const two = make();
  expect(one.text).toMatch(/^hf_[0-9a-z]{12}_[0-9A-Za-z]{43}$/);
  expect(keyIdOf(one.text)).toBe(one.key.id);
  expect(isTextOf(one.text, one.key)).toBe(true);
  expect(isTextOf(one.text, two.key)).toBe(false);
  expect(isTextOf(one.text, undefined)).toBe(false);
  expect(isTextOf(`${one.text.slice(0, -1)}${one.text.endsWith("a") ? "b" : "a"}`, one.key)).toBe(false);
  for (const text of ["", "hf_", one.text.slice(0, -1), `${one.text}a`, ` ${one.text}`, `hf_${one.key.id}_`])
    expect(keyIdOf(text)).toBeNull();
});

test.each([
  [{ label: "" }, "invalid_argument"],
  [{ label: "a\u001b[31m" }, "invalid_argument"],
  [{ label: "x".repeat(65) }, "invalid_argument"],
  [{ scopes: [] }, "invalid_argument"],
  [{ scopes: ["root" as never] }, "invalid_argument"],
  [{ queues: [] }, "invalid_argument"],
  [{ queues: ["a..b"] }, "invalid_queue_name"],
  [{ queues: ["{x}"] }, "invalid_queue_name"],
  [{ expiresAt: Date.now() - 1 }, "invalid_argument"],
])("a key with %j is refused", (change, code) => {
  let thrown: unknown;
  try {
    mintKey({ label: "l", scopes: ["read"], ...change });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code });
});

test("a key that lacks any field is refused", () => {
  const { key } = make();
  expect(isApiKey(key)).toBe(true);
  for (const field of Object.keys(key)) {
    const { [field as keyof ApiKey]: _, ...rest } = key;
    expect([field, isApiKey(rest)]).toEqual([field, false]);
  }
});
