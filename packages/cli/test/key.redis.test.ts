import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyView } from "@holdfast/contracts";
import { KeyStore, readKeyFile } from "@holdfast/service/keys";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor, start } from "./support.ts";

let redis: RedisServer;
let folder: string;
const { cli, json } = cliFor(() => redis.url);
beforeAll(async () => {
  redis = await startRedisServer();
  folder = mkdtempSync(join(tmpdir(), "holdfast-cli-keys-"));
});
afterAll(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a key is made, listed without its secret, and revoked", async () => {
  const made = await cli("key", "create", "--label", "ci", "--scope", "enqueue,read", "--queue", "mail");
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^hf_[0-9a-z]{12}_[0-9A-Za-z]{43}\n$/);
  expect(made.stderr).toContain('"ci": enqueue, read; queues mail; does not expire');
  const secret = made.stdout.trim().slice(16);
  expect(made.stderr).not.toContain(secret);

  const before = Date.now();
  const other = await json<KeyView & { key: string; sha256?: string }>(
    ...[
      "key",
      "create",
      "--label",
      "ops",
      "--scope",
      "control",
      "--scope",
      "enqueue,work",
      "--expires",
      "30d",
    ],
  );
  expect(other).toMatchObject({ label: "ops", scopes: ["enqueue", "work", "control"], queues: null });
  expect(other.key).toContain(other.id);
  expect(other).not.toHaveProperty("sha256");
  expect(other.expiresAt).toBeGreaterThanOrEqual(before + 30 * 86_400_000);

  const listed = await json<KeyView[]>("key", "ls");
  expect(listed.map(({ label }) => label)).toEqual(["ci", "ops"]);
  const table = await cli("key", "ls");
  expect(table.stdout).toContain("mail");
  expect(JSON.stringify(listed) + table.stdout).not.toContain(secret);

  // The services record when a key is used. This key was never used, so the test records a use.
  const client = new Holdfast({ redis: redis.url });
  await new KeyStore(client).noteUses(new Map([[other.id, Date.parse("2030-01-31T08:00:00Z")]]));
  await client.close();
  expect((await json<{ lastUsedAt: number | null }[]>("key", "ls")).map((key) => key.lastUsedAt)).toEqual([
    ...[null, Date.parse("2030-01-31T08:00:00Z")],
  ]);
  const [head, , used] = (await cli("key", "ls")).stdout.split("\n");
  expect(head).toMatch(/LAST USED *$/);
  expect(used).toContain("2030-01-31T08:00:00.000Z");

  const revoked = await cli("key", "revoke", made.stdout.trim());
  expect(revoked.code).toBe(0);
  expect(revoked.stdout).not.toContain(secret);
  expect((await json<KeyView[]>("key", "ls")).map(({ label }) => label)).toEqual(["ops"]);
  expect((await cli("key", "revoke", other.id)).code).toBe(0);
  expect((await cli("key", "revoke", other.id)).code).toBe(3);
});

test("with --file, the command does not use Redis", async () => {
  const file = join(folder, "keys.json");
  const run = async (...args: string[]) => {
    const running = start([...args, "--file", file], { REDIS_URL: "redis://127.0.0.1:1" });
    running.child.stdin?.end();
    return running.ended;
  };
  const made = await run("key", "create", "--label", "admin", "--scope", "admin");
  expect(made).toMatchObject({ code: 0 });
  const [key] = await readKeyFile(file);
  expect(key?.label).toBe("admin");
  expect(JSON.parse((await run("key", "ls", "--json")).stdout)).toMatchObject([{ id: key?.id }]);
  expect((await run("key", "revoke", key?.id ?? "")).code).toBe(0);
  expect(await readKeyFile(file)).toEqual([]);
});

test("wrong options are refused before anything is written", async () => {
  const create = (...args: string[]) => cli("key", "create", "--label", "x", ...args);
  expect((await create()).code).toBe(2);
  expect((await create("--scope", "root")).stderr).toContain('"root" is not a valid scope');
  expect((await create("--scope", "read", "--queue", "a..b")).code).toBe(2);
  expect((await create("--scope", "read", "--expires", "0s")).code).toBe(2);
  expect((await cli("key", "revoke", "nonsense")).code).toBe(2);
  expect(await json("key", "ls")).toEqual([]);
});
