import { expect, test } from "vitest";
import { checkInfo, parseInfo } from "./checks.ts";

const info = (fields: Record<string, string> = {}) =>
  [
    "# Server",
    ...Object.entries({
      redis_version: "7.0.15",
      maxmemory_policy: "noeviction",
      aof_enabled: "1",
      role: "master",
      ...fields,
    }).map(([name, value]) => `${name}:${value}`),
  ].join("\r\n");

test.each(["2.8.0", "5.0.14", "6.0.16", "6.2.99"])(
  "Redis %s is refused, and the error names the version that is needed",
  (version) => {
    expect(() => checkInfo(info({ redis_version: version }))).toThrow(
      expect.objectContaining({
        code: "redis_unsupported",
        message: expect.stringMatching(
          new RegExp(`${version.replaceAll(".", "\\.")} is too old.*7\\.0.*Valkey 8`),
        ),
      }),
    );
  },
);

test.each(["7.0.0", "7.4.1", "8.2.0", "10.0.0"])("Redis %s is accepted without a warning", (version) => {
  expect(checkInfo(info({ redis_version: version }))).toEqual({ redisVersion: version, warnings: [] });
});

test("Valkey 8, which says it is Redis 7.2.4, is accepted", () => {
  const valkey = info({ redis_version: "7.2.4", server_name: "valkey", valkey_version: "8.1.1" });
  expect(checkInfo(valkey).warnings).toEqual([]);
});

test("a server that is not Redis is refused", () => {
  expect(() => checkInfo("")).toThrow(/too old/);
});

test.each(["allkeys-lru", "volatile-ttl", "allkeys-random"])(
  "the policy %s is refused, and the error says what to do",
  (policy) => {
    expect(() => checkInfo(info({ maxmemory_policy: policy }))).toThrow(
      expect.objectContaining({
        code: "redis_unsupported",
        message: expect.stringMatching(
          new RegExp(`maxmemory-policy ${policy}.*redis-cli config set maxmemory-policy noeviction`),
        ),
      }),
    );
  },
);

test("a managed Redis that does not show its policy is accepted", () => {
  expect(checkInfo("redis_version:7.1.0\r\n")).toEqual({ redisVersion: "7.1.0", warnings: [] });
});

test("without an append-only file, or as a replica, it warns", () => {
  expect(checkInfo(info({ aof_enabled: "0" })).warnings).toEqual([expect.stringContaining("appendonly yes")]);
  expect(checkInfo(info({ role: "slave" })).warnings).toEqual([expect.stringContaining("replica")]);
});

test("INFO is read with either line end, and values keep their colons", () => {
  expect([...parseInfo("# Server\nredis_version:7\r\nexecutable:/a:b\n\nnothing")]).toEqual([
    ["redis_version", "7"],
    ["executable", "/a:b"],
  ]);
});
