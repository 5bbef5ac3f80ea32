import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeRedis } from "holdfast";
import { Type } from "typebox";
import { describe, expect, test } from "vitest";
import { httpConfig } from "./http.ts";
import { ConfigError, configTable, type Environment, loadConfig } from "./load.ts";
import { parseRedisUrls, redisConfig, severalRedisConfig, toConnectionSettings } from "./redis.ts";

const schema = Type.Object({
  PORT: Type.Integer({ default: 3_000, minimum: 1, maximum: 65_535, description: "Port." }),
  RATIO: Type.Number({ default: 0.5, minimum: 0, maximum: 1 }),
  ...httpConfig,
  ...redisConfig,
  ...severalRedisConfig,
});

function problemsOf(env: Environment): readonly string[] {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("loadConfig", () => {
  test("fills in the defaults in an empty environment", () => {
    const config = loadConfig(schema, {});
    expect(config).toMatchObject({
      PORT: 3_000,
      HOST: "127.0.0.1",
      REDIS_PORT: 6_379,
      QUEUE_PREFIX: "queue",
    });
    expect(config.REDIS_URL).toBeUndefined();
  });

  test("reads numbers and booleans from text", () => {
    const config = loadConfig(schema, { PORT: "8080", RATIO: "0.25", REDIS_TLS: "true", HOST: "" });
    expect(config).toMatchObject({ PORT: 8_080, RATIO: 0.25, REDIS_TLS: true, HOST: "127.0.0.1" });
  });

  test("lists every bad variable at once", () => {
    const problems = problemsOf({ PORT: "http", REDIS_PORT: "70000", REDIS_TLS: "yes", LOG_LEVEL: "loud" });
    expect(problems).toHaveLength(4);
    expect(problems.join("\n")).toContain('PORT must be an integer from 1 to 65535, got "http"');
    expect(problems.join("\n")).toContain("LOG_LEVEL must be fatal, error, warn");
  });

  test.each(["3e3", "0x10", " 80", "80.0", "-0x1", "99999999999999999999"])(
    "does not take %j for a port",
    (PORT) => {
      expect(problemsOf({ PORT })).toHaveLength(1);
    },
  );

  test.each(["QUEUE_PENDING", "QUEUE_PROCESSING", "QUEUE_DLQ"])(
    "refuses %s and names QUEUE_PREFIX",
    (name) => {
      const [problem, ...rest] = problemsOf({ [name]: "queue:pending" });
      expect(problem).toContain(name);
      expect(problem).toContain("QUEUE_PREFIX");
      expect(rest).toEqual([]);
    },
  );

  test("reads a secret from a file, without the newline at its end", () => {
    const file = join(mkdtempSync(join(tmpdir(), "holdfast-config-")), "password");
    writeFileSync(file, "s3cret \n");
    expect(loadConfig(schema, { REDIS_PASSWORD_FILE: file }).REDIS_PASSWORD).toBe("s3cret ");
    expect(problemsOf({ REDIS_PASSWORD_FILE: file, REDIS_PASSWORD: "other" })[0]).toContain("both set");
    expect(problemsOf({ REDIS_PASSWORD_FILE: `${file}.missing` })[0]).toContain("cannot read");
  });

  test("never prints a secret", () => {
    expect(problemsOf({ REDIS_URL: "http://user:hunter2@host" }).join()).not.toContain("hunter2");
    expect(problemsOf({ REDIS_URL: "http://user:hunter2@host" })).toHaveLength(1);
  });

  test("refuses Sentinels without a name and Sentinels beside a cluster", () => {
    expect(problemsOf({ REDIS_SENTINELS: "a:26379" })[0]).toContain("REDIS_SENTINEL_NAME");
    const both = { REDIS_SENTINELS: "a", REDIS_SENTINEL_NAME: "main", REDIS_CLUSTER_NODES: "b" };
    expect(problemsOf(both)[0]).toContain("cannot be combined");
  });

  test("writes one row of the docs table per variable", () => {
    const table = configTable(schema);
    expect(table).toContain("| `PORT` | `3000` | an integer from 1 to 65535 | Port. |");
    expect(table).toContain("Also as `REDIS_PASSWORD_FILE`.");
    expect(table.split("\n")).toHaveLength(2 + Object.keys(schema.properties).length);
  });
});

describe("toConnectionSettings", () => {
  const settings = (env: Environment) => toConnectionSettings(loadConfig(schema, env));

  test("an address overrides host and port", () => {
    expect(settings({ REDIS_HOST: "h", REDIS_PORT: "7000" })).toEqual({ host: "h", port: 7_000 });
    expect(settings({ REDIS_URL: "redis://u:p@h:7000/2", REDIS_HOST: "x" })).toEqual({
      url: "redis://u:p@h:7000/2",
    });
  });

  test("Sentinels and cluster nodes get their usual ports", () => {
    expect(settings({ REDIS_SENTINELS: "a,b:5000", REDIS_SENTINEL_NAME: "main" })).toEqual({
      sentinels: [
        { host: "a", port: 26_379 },
        { host: "b", port: 5_000 },
      ],
      sentinelName: "main",
    });
    expect(settings({ REDIS_CLUSTER_NODES: "a:1,b" }).clusterNodes).toEqual([
      { host: "a", port: 1 },
      { host: "b", port: 6_379 },
    ]);
  });

  test("TLS settings are passed on; a missing file and half a certificate are refused", () => {
    const here = import.meta.filename;
    const pair = { REDIS_TLS_CERT_FILE: here, REDIS_TLS_KEY_FILE: here };
    expect(settings({ REDIS_URL: "rediss://h", REDIS_TLS_CA_FILE: here, ...pair })).toEqual({
      url: "rediss://h",
      tlsCaFile: here,
      tlsCertFile: here,
      tlsKeyFile: here,
    });
    expect(settings({ REDIS_HOST: "10.0.0.1", REDIS_TLS_SERVER_NAME: "redis" }).tlsServerName).toBe("redis");
    expect(problemsOf({ REDIS_TLS_CA_FILE: "/none/ca.crt" })[0]).toMatch(/^REDIS_TLS_CA_FILE: cannot read/);
    expect(problemsOf({ REDIS_TLS_CERT_FILE: here })[0]).toContain("REDIS_TLS_KEY_FILE");
  });

  test("is described without credentials", () => {
    expect(describeRedis(settings({ REDIS_URL: "redis://user:hunter2@cache:7000" }))).toBe("cache:7000");
    expect(describeRedis(settings({ REDIS_URL: "redis://cache" }))).toBe("cache:6379");
  });
});

describe("further Redis", () => {
  test("have a name and an address each, separated by commas or lines", () => {
    const urls = parseRedisUrls(
      "eu=rediss://user:p%2Cw@eu:6379,us=redis://us\nlocal=unix:///run/redis.sock\n",
      "default",
    );
    expect([...urls]).toEqual([
      ["eu", "rediss://user:p%2Cw@eu:6379"],
      ["us", "redis://us"],
      ["local", "unix:///run/redis.sock"],
    ]);
    expect(parseRedisUrls("", "default").size).toBe(0);
  });

  test.each([
    ["redis://:secret@eu", "entry 1 has to begin with a name"],
    ["EU=redis://:secret@eu", "entry 1 has to begin with a name"],
    ["eu=redis://eu,eu=redis://:secret@us", '"eu" is used twice'],
    ["default=redis://:secret@eu", '"default" is used twice'],
    ["eu=http://:secret@eu", "eu: "],
  ])("%j is refused, and its password is not shown", (REDIS_URLS, problem) => {
    const problems = problemsOf({ REDIS_URLS });
    expect(problems).toEqual([expect.stringContaining(`REDIS_URLS: ${problem}`)]);
    expect(problems.join()).not.toContain("secret");
  });
});
