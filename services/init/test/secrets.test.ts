import { createHash, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { keyIdOf, parseKeyFile } from "@holdfast/service/keys";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSecrets, READERS, type SecretsOptions } from "../src/secrets.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-init-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (more: Partial<SecretsOptions> = {}) =>
  openSecrets({
    ...{ folder, prefix: "queue", redisVersion: "8.2", redisPort: 6379, tls: false, groups: false },
    ...more,
  });
const read = (name: string) => readFileSync(join(folder, name), "utf8").trim();
const files = () =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
interface KeyFile {
  keys: { id: string; sha256: string; scopes: string[]; queues: null; expiresAt: null; createdAt: number }[];
}
const keyFile = (reader: string) => JSON.parse(read(`${reader}/api-keys.json`)) as KeyFile;

test("missing secrets are made, existing ones stay, and a second run changes nothing", async () => {
  const made = await open().create();
  expect(made).toContain("api-key");
  const before = Object.fromEntries(files().map((name) => [name, read(name)]));
  expect(await open().create()).toEqual([]);
  expect(Object.fromEntries(files().map((name) => [name, read(name)]))).toEqual(before);

  rmSync(join(folder, "own/session-secret"));
  expect(await open().create()).toEqual(["session-secret"]);
  expect(read("observability/session-secret")).not.toBe(before["observability/session-secret"]);
  expect(read("own/api-key")).toBe(before["own/api-key"]);
});

test("every secret is long, and no two are the same", async () => {
  await open().create();
  const texts = readdirSync(join(folder, "own"))
    .filter((name) => !name.endsWith(".json"))
    .map((name) => read(`own/${name}`));
  expect(texts).toHaveLength(12);
  expect(new Set(texts).size).toBe(12);
  for (const text of texts) expect(text.length).toBeGreaterThanOrEqual(43);
});

test("the services get the hash of the admin key, never the key", async () => {
  await open().create();
  const key = read("own/api-key");
  expect(keyIdOf(key)).not.toBeNull();
  expect(parseKeyFile(read("own/api-keys.json"), "api-keys.json")).toHaveLength(2);
  for (const reader of ["producer-api", "worker-api", "observability"]) {
    expect(keyFile(reader).keys).toContainEqual({
      ...{ id: key.split("_")[1], label: "admin", scopes: ["admin"], queues: null, expiresAt: null },
      ...{ sha256: sha256(key), createdAt: expect.any(Number) },
    });
  }
  const holders = files().filter((name) => read(name).includes(key));
  expect(holders).toEqual(["own/api-key"]);
});

test("a load test gets a key of its own, which may only enqueue and read", async () => {
  await open().create();
  const key = read("k6/api-key");
  expect(key).toBe(read("own/k6-key"));
  const spec = { label: "k6", scopes: ["enqueue", "read"], queues: null, sha256: sha256(key) };
  for (const reader of ["producer-api", "worker-api", "observability"])
    expect(keyFile(reader).keys).toContainEqual(expect.objectContaining(spec));
  expect(await open().rotate("k6-key")).toEqual(["k6-key"]);
  expect(read("k6/api-key")).not.toBe(key);
  expect(keyFile("observability").keys.map(({ sha256 }) => sha256)).not.toContain(sha256(key));
  expect(keyFile("observability").keys).toHaveLength(2);
});

test("in a folder of an older version, k6 gets a key of its own instead of the admin key", async () => {
  await open().create();
  rmSync(join(folder, "own/k6-key"));
  writeFileSync(join(folder, "k6/api-key"), read("own/api-key"));
  expect(await open().create()).toEqual(["k6-key"]);
  expect(read("k6/api-key")).toBe(read("own/k6-key"));
});

test("each reader has its own password of Redis; the file of users has only hashes", async () => {
  await open({ prefix: "shop" }).create();
  const users = read("redis/users.acl");
  expect(users).toMatch(/^user default reset off ~\* &\* \+@all$/m);
  expect(users).toContain("~shop:");
  for (const [reader, { redisUser }] of Object.entries(READERS)) {
    if (redisUser === null) continue;
    const password = read(`${reader}/redis-password`);
    expect(users).toMatch(new RegExp(`^user ${redisUser} .*#${sha256(password)}$`, "m"));
    expect(users).not.toContain(password);
  }
  expect(users).toMatch(/^user health reset on \+ping #[0-9a-f]{64}$/m);
  expect(read("redis/access.conf")).toBe(`aclfile "${folder}/redis/users.acl"\nport 6379`);
});

test("only the owner can read a file or list a folder", async () => {
  await open({ tls: true }).create();
  for (const name of files()) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o700);
});

test.skipIf(process.getuid?.() !== 0)("in Compose each group reads its own folder, read-only", async () => {
  await open({ groups: true, tls: true }).create();
  for (const [reader, { group }] of Object.entries(READERS)) {
    expect(statSync(join(folder, reader))).toMatchObject({ gid: group });
    for (const name of readdirSync(join(folder, reader))) {
      const { gid, mode } = statSync(join(folder, reader, name));
      expect([gid, (mode & 0o777).toString(8)], `${reader}/${name}`).toEqual([group, "440"]);
    }
  }
  for (const name of readdirSync(join(folder, "own")))
    expect((statSync(join(folder, "own", name)).mode & 0o777).toString(8), name).toBe("600");
});

test("docker-compose.yml runs every reader with the group of its secrets", () => {
  const compose = readFileSync(resolve(import.meta.dirname, "../../../docker-compose.yml"), "utf8");
  for (const [reader, { group }] of Object.entries(READERS)) {
    const from = reader === "redis" ? "x-redis: &redis" : `\n  ${reader}:`;
    const service = compose.slice(compose.indexOf(from), compose.indexOf(from) + 600);
    if (reader === "grafana") expect(service).toContain(`group_add: ["${group}"]`);
    else expect(service, reader).toContain(`user: "${group}:${group}"`);
    expect(compose.slice(compose.indexOf("  init:"))).toMatch(new RegExp(`group_add: .*"${group}"`));
  }
});

describe("rotation", () => {
  test("of the admin key removes the old key and keeps the keys that somebody added", async () => {
    await open().create();
    const old = read("own/api-key");
    const added = { ...keyFile("producer-api").keys[0], id: "0123456789ab", sha256: sha256("another") };
    const keys = [...keyFile("producer-api").keys, added];
    writeFileSync(join(folder, "own/api-keys.json"), JSON.stringify({ keys }));
    expect(await open().rotate("api-key")).toEqual(["api-key"]);
    const now = read("own/api-key");
    expect(now).not.toBe(old);
    expect(keyFile("observability").keys.map((key) => key.sha256)).toEqual([
      ...[sha256(now), sha256(read("k6/api-key")), added.sha256],
    ]);
  });

  test("of Redis changes every Redis password and no other secret", async () => {
    await open().create();
    const [worker, session] = [read("worker/redis-password"), read("own/session-secret")];
    expect(await open().rotate("redis")).toHaveLength(8);
    expect(read("worker/redis-password")).not.toBe(worker);
    expect(read("redis/users.acl")).toContain(sha256(read("worker/redis-password")));
    expect(read("own/session-secret")).toBe(session);
  });

  test("an unknown name is refused and changes nothing", async () => {
    await open().create();
    await expect(open().rotate("everything")).rejects.toThrow(
      "api-key, k6-key, redis, session, grafana, tls",
    );
    expect(await open().create()).toEqual([]);
  });
});

describe("showing", () => {
  test("the admin key is shown once, and again after a rotation", async () => {
    const secrets = open();
    await secrets.create();
    expect(secrets.showOnce("api-key")).toBe(read("own/api-key"));
    expect(secrets.showOnce("api-key")).toBeNull();
    expect(secrets.show("api-key")).toBe(read("own/api-key"));
    await secrets.rotate("api-key");
    expect(secrets.showOnce("api-key")).toBe(read("own/api-key"));
  });

  test("only known names can be shown, so no path leads out of the folder", async () => {
    await open({ tls: true }).create();
    for (const name of ["../own/api-key", "ca.key", "redis.key", ""])
      expect(() => open({ tls: true }).show(name)).toThrow("there is no");
    expect(open({ tls: true }).show("ca.crt")).toContain("BEGIN CERTIFICATE");
  });
});

describe("certificates", () => {
  const server = () => new X509Certificate(read("redis/redis.crt"));

  test("one authority signs one server certificate with all host names of Redis", async () => {
    expect(await open({ tls: true }).create()).toContain("certificate authority");
    const authority = new X509Certificate(read("worker/ca.crt"));
    expect(server().checkIssued(authority)).toBe(true);
    expect(server().verify(authority.publicKey)).toBe(true);
    expect([authority.ca, server().ca]).toEqual([true, false]);
    for (const name of ["redis", "redis-2", "localhost"]) expect(server().checkHost(name)).toBe(name);
    expect(server().checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(server().checkHost("example.com")).toBeUndefined();
    expect(read("redis/access.conf")).toContain("port 0\ntls-port 6379");
    expect(await open({ tls: true }).create()).toEqual([]);
  });

  test("if a certificate is lost or expires soon, the same authority makes a new one", async () => {
    await open({ tls: true }).create();
    const [authority, before] = [read("own/ca.crt"), server().fingerprint];
    rmSync(join(folder, "own/redis.key"));
    expect(await open({ tls: true }).create()).toEqual(["certificate of redis"]);
    expect(server().fingerprint).not.toBe(before);
    expect(server().verify(new X509Certificate(authority).publicKey)).toBe(true);

    const { stillServes } = await import("../src/certificates.ts");
    const end = Date.parse(server().validTo);
    expect(stillServes(read("redis/redis.crt"), ["redis"], end - 31 * 86_400_000)).toBe(true);
    expect(stillServes(read("redis/redis.crt"), ["redis"], end - 29 * 86_400_000)).toBe(false);
    expect(stillServes(read("redis/redis.crt"), ["redis", "other"])).toBe(false);
  });

  test("without TLS there are no certificates", async () => {
    await open().create();
    expect(files().filter((name) => /\.(crt|key)$/.test(name))).toEqual([]);
  });
});

test("files that an interrupted run left behind do not stop the next run", async () => {
  await open().create();
  writeFileSync(join(folder, "own/redis-worker.new"), "half");
  chmodSync(join(folder, "own/redis-worker.new"), 0o400);
  rmSync(join(folder, "own/redis-worker"));
  expect(await open().create()).toEqual(["redis-worker"]);
  expect(read("own/redis-worker")).toHaveLength(43);
});
