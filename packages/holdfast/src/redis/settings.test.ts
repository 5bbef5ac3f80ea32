import type { HoldfastError } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { Cluster, Redis } from "./ioredis.ts";
import { describeRedis, type RedisOption, settingsOf } from "./settings.ts";

const SECRET = "hunter2";

function refusalOf(redis: unknown): string {
  try {
    settingsOf(redis as RedisOption);
  } catch (error) {
    expect(error).toMatchObject({ name: "HoldfastError", code: "invalid_argument" });
    expect((error as HoldfastError).message).not.toContain(SECRET);
    return (error as HoldfastError).message;
  }
  return "accepted";
}

const client = (...args: unknown[]): Redis =>
  new (Redis as unknown as new (...args: unknown[]) => Redis)(...args.slice(0, -1), {
    ...(args.at(-1) as object),
    lazyConnect: true,
  });
const cluster = (nodes: unknown, options: object = {}) =>
  new Cluster(nodes as never, { ...options, lazyConnect: true });

describe("settings in every common form are understood", () => {
  test.each<[unknown, object]>([
    ["redis://h", { host: "h", port: 6379 }],
    ["redis://h:7000/2", { host: "h", port: 7000, db: 2 }],
    ["redis://h:7000/", { host: "h", port: 7000 }],
    ["REDIS://h", { host: "h", port: 6379 }],
    ["redis://h?db=3", { host: "h", port: 6379, db: 3 }],
    ["redis://h?family=6", { host: "h", port: 6379, family: 6 }],
    ["redis://[::1]:7000", { host: "::1", port: 7000 }],
    ["redis://u:p%40ss%25@h", { host: "h", port: 6379, username: "u", password: "p@ss%" }],
    ["redis://:p%C3%A9@h", { host: "h", port: 6379, password: "pé" }],
    ["rediss://h", { host: "h", port: 6379, tls: true }],
    ["unix:///run/r.sock", { path: "/run/r.sock" }],
    ["unix://u:p@/run/r%20s.sock?db=2", { path: "/run/r s.sock", db: 2, username: "u", password: "p" }],
    ["/run/r.sock", { path: "/run/r.sock" }],
    [new URL("redis://h/1"), { host: "h", port: 6379, db: 1 }],
    [
      { url: "redis://h", db: 4 },
      { host: "h", port: 6379, db: 4 },
    ],
    [
      { url: "redis://h/4", db: 4 },
      { host: "h", port: 6379, db: 4 },
    ],
    [
      { url: "redis://h", password: "p" },
      { host: "h", port: 6379, password: "p" },
    ],
    [
      { url: "rediss://h", tls: { servername: "x" } },
      { host: "h", port: 6379, tls: { servername: "x" } },
    ],
    [
      { url: "rediss://h", tls: true },
      { host: "h", port: 6379, tls: true },
    ],
    [{ host: "h" }, { host: "h" }],
    [
      { host: "h", tls: {} },
      { host: "h", tls: {} },
    ],
    [{ path: "/run/r.sock" }, { path: "/run/r.sock" }],
    [client({ host: "h", port: 7000 }), { host: "h", port: 7000 }],
    [client("redis://u:p@h:7000/3", {}), { host: "h", port: 7000, db: 3, username: "u", password: "p" }],
    [client("rediss://h", {}), { host: "h", port: 6379, tls: true }],
    [client("/run/r.sock", {}), { path: "/run/r.sock" }],
    [client(7000, {}), { host: "localhost", port: 7000 }],
    [client({ tls: { ca: "pem" }, host: "h" }), { host: "h", port: 6379, tls: { ca: "pem" } }],
    [
      client({ sentinels: [{ host: "s" }], name: "main", sentinelPassword: "sp" }),
      { sentinels: [{ host: "s", port: 26379 }], sentinelName: "main", sentinelPassword: "sp" },
    ],
    [
      cluster([{ host: "a", port: 1 }, "b:2", 3, "redis://c"], { redisOptions: { password: "p" } }),
      {
        password: "p",
        clusterNodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
          { host: "127.0.0.1", port: 3 },
          { host: "c", port: 6379 },
        ],
      },
    ],
    [
      cluster(["rediss://u:p@a:1"]),
      { username: "u", password: "p", tls: true, clusterNodes: [{ host: "a", port: 1 }] },
    ],
  ])("%#", (redis, settings) => {
    const read = settingsOf(redis as RedisOption);
    expect(read).toEqual(settings);
    // The heartbeat thread gets a copy of the settings and checks it again.
    expect(settingsOf(structuredClone(read))).toEqual(settings);
  });
});

describe("settings that are not understood are refused before anything connects, without credentials in the error", () => {
  test.each<[unknown, string]>([
    [undefined, "redis is undefined"],
    [null, "redis is null"],
    ["", "is empty"],
    [{}, "does not say where Redis is"],
    [5, "got 5"],
    [() => "redis://h", "got a function"],
    ["localhost:6379", "has to begin with redis://"],
    ["redis:h:6379", "has to begin with redis://"],
    ["http://u:hunter2@h", "begins with http://"],
    ["redis+socket:///run/r.sock", "begins with unix://"],
    ["redis:///run/r.sock", "for a socket write unix:///"],
    ["redis://", "has no host"],
    ["unix://run/r.sock", "three slashes"],
    ["unix:///", "names no socket"],
    [" redis://h", "spaces"],
    ["redis://h\n", "spaces or line breaks"],
    ['"redis://h"', "quotes"],
    ["redis://:hunter2@h:64110000", "cannot be read"],
    ["redis://:a@hunter2:w/o#r?d@h", "%40"],
    ["redis://:100%hunter2@h", "write it as %25"],
    ["redis://:a hunter2@h", "%20"],
    ["redis://h/abc", "database that is not a number"],
    ["redis://h/3/", "database that is not a number"],
    ["redis://h/-1", "database that is not a number"],
    ["redis://h/3?db=4", "two databases"],
    ["redis://h?keyPrefix=zz", "parameter keyPrefix"],
    ["redis://h?tls=true", "parameter tls"],
    ["redis://u:123?hunter2@h", "a parameter after"],
    ["redis://h#frag", "%23"],
    [{ url: "redis://h/3", db: 4 }, "the URL of Redis and redis.db differ"],
    [{ url: "redis://:hunter2@h", password: "other" }, "redis.password differ"],
    [{ url: "redis://h", host: "h" }, "url and host cannot be combined"],
    [{ url: "redis://h", port: 1 }, "url and port cannot be combined"],
    [{ url: "rediss://h", tls: false }, "redis.tls differ"],
    [{ path: "/x", port: 1 }, "path and port cannot be combined"],
    [{ clusterNodes: [{ host: "a", port: 1 }], url: "redis://h" }, "clusterNodes and url"],
    [{ clusterNodes: [{ host: "a", port: 1 }], db: 2 }, "one database"],
    [{ clusterNodes: [] }, "clusterNodes has to be a list of one or more"],
    [{ clusterNodes: ["a:1"] }, "{ host: string, port: number }"],
    [{ sentinels: ["a:1"] }, "{ host: string, port: number }"],
    [{ host: "h", sentinelName: "m" }, "sentinelName needs sentinels"],
    [{ connection: { host: "h" } }, "redis.connection is not an option"],
    [{ host: "h", keyPrefix: "a:" }, "the option prefix"],
    [{ host: "h", port: "6379" }, 'redis.port has to be a whole number from 1 to 65535, got "6379"'],
    [{ host: "h", pasword: SECRET }, "did you mean redis.password?"],
    [{ host: "h", password: 5 }, "redis.password has to be a text"],
    [{ host: "h", tls: "yes" }, "redis.tls has to be true or false, or options of tls.connect"],
    [{ host: "h", tls: { rejectUnauthorised: false } }, "did you mean redis.tls.rejectUnauthorized?"],
    [{ host: "h", tls: { checkServerIdentity: () => undefined } }, "set servername"],
    [{ host: "h", tls: [] }, "redis.tls has to be an object"],
    [{ host: "h", tls: {}, tlsCaFile: "x" }, "tls has options and tlsCaFile is set"],
    [{ host: "h", tls: false, tlsCaFile: "x" }, "tls is false and tlsCaFile is set"],
    [{ host: "h", tlsCertFile: "x" }, "belong together"],
    [
      { host: "h", maxRetriesPerRequest: null },
      "leave it out. A client that you make yourself, with new Redis(options)",
    ],
    [{ host: "h", enableAutoPipelining: true }, "Holdfast sets this itself"],
    [{ host: "h", role: "slave" }, "a replica does not accept"],
    [{ clusterNodes: [{ host: "a", port: 1 }], redisOptions: {} }, "directly, beside clusterNodes"],
    [{ host: "h", commandTimeoutMs: 0 }, "commandTimeoutMs has to be a whole number from 1 to 3600000"],
    [{ host: "h", commandTimeoutMs: Number.POSITIVE_INFINITY }, "got Infinity"],
    [client({ keyPrefix: "a:" }), "has a keyPrefix"],
    [client({ db: "x" }), "redis.db"],
    [client({ sentinels: [{ host: "s" }], name: "m", role: "slave" }), "connects to a replica"],
    [client({ tls: { checkServerIdentity: () => undefined } }), "set servername"],
    [cluster(["a:1"], { natMap: () => null }), "natMap that is a function"],
    [cluster(["a:1"], { redisOptions: { keyPrefix: "x" } }), "keyPrefix"],
    [{ sendCommand() {}, host: "h" }, "another library, not of ioredis"],
  ])("%#", (redis, message) => {
    expect(refusalOf(redis)).toContain(message);
  });
});

test("the address of Redis is shown without credentials", () => {
  expect(describeRedis("redis://u:hunter2@h:7000/2")).toBe("h:7000");
  expect(describeRedis("redis://[::1]")).toBe("[::1]:6379");
  expect(describeRedis({ path: "/run/r.sock", password: SECRET })).toBe("/run/r.sock");
  expect(describeRedis({ sentinels: [{ host: "s", port: 1 }] })).toBe("mymaster by s:1");
  expect(describeRedis(cluster(["a:1", "b:2"]))).toBe("a:1,b:2");
});
