import { loadConfig, toConnectionSettings } from "@holdfast/service";
import { expect, test } from "vitest";
import { configSchema } from "../../../services/worker/src/config.ts";
import { keyPrefix, redisSettings } from "../src/redis-address.ts";

const service = (env: Record<string, string>) => toConnectionSettings(loadConfig(configSchema, env));

test.each([
  {},
  { REDIS_HOST: "h", REDIS_PORT: "7000" },
  { REDIS_URL: "redis://u:p@h:7000/2", REDIS_HOST: "x" },
  { REDIS_URL: "rediss://h", REDIS_USERNAME: "u", REDIS_PASSWORD: "p" },
  { REDIS_TLS: "1", REDIS_URL: "" },
  { REDIS_SENTINELS: "a,b:5000", REDIS_SENTINEL_NAME: "main", REDIS_PASSWORD: "p" },
  { REDIS_CLUSTER_NODES: "a:1,b" },
  { REDIS_HOST: "h", REDIS_TLS_CA_FILE: import.meta.filename, REDIS_TLS_SERVER_NAME: "redis" },
  { REDIS_TLS_CERT_FILE: import.meta.filename, REDIS_TLS_KEY_FILE: import.meta.filename },
])("%j gives the same address as in the services", (env) => {
  expect(redisSettings(env, undefined)).toEqual(service(env));
});

test("--redis overrides every variable", () => {
  const env = { REDIS_URL: "redis://other", REDIS_CLUSTER_NODES: "a" };
  expect(redisSettings(env, "redis://h")).toEqual({ url: "redis://h" });
  const tls = { REDIS_TLS_CA_FILE: "ca.crt" };
  expect(redisSettings(tls, "redis://h")).toEqual({ url: "redis://h" });
  expect(redisSettings(tls, "rediss://h")).toEqual({ url: "rediss://h", tlsCaFile: "ca.crt" });
});

test("wrong settings are refused without a password in the message", () => {
  const bad = [
    { REDIS_URL: "http://user:hunter2@host" },
    { REDIS_PORT: "70000" },
    { REDIS_TLS: "yes" },
    { REDIS_TLS_CERT_FILE: "client.crt" },
    { REDIS_SENTINELS: "a" },
    { REDIS_SENTINELS: "a", REDIS_SENTINEL_NAME: "m", REDIS_CLUSTER_NODES: "b" },
    { REDIS_CLUSTER_NODES: "a:b" },
    { REDIS_PASSWORD: "hunter2", REDIS_PASSWORD_FILE: "/no" },
    { REDIS_URL_FILE: "/no/such/file" },
  ];
  for (const env of bad) expect(() => redisSettings(env as never, undefined)).toThrow(/^(?!.*hunter2)/);
  expect(() => keyPrefix({ QUEUE_PREFIX: "{x}" }, undefined)).toThrow("prefix");
  expect(keyPrefix({ QUEUE_PREFIX: "" }, undefined)).toBe("queue");
});
