import { ConfigError, loadConfig } from "@holdfast/service";
import { expect, test } from "vitest";
import { configSchema, parseQueues } from "./config.ts";

test("queues have the weight 1 unless they say otherwise", () => {
  expect(parseQueues("default")).toEqual({ default: 1 });
  expect(parseQueues("critical=6,default=3,low")).toEqual({ critical: 6, default: 3, low: 1 });
});

test.each(["a,", "a=0", "a=x", "{a}", "a b", "-a", "a=1000"])("QUEUES=%j is refused", (QUEUES) => {
  expect(() => loadConfig(configSchema, { QUEUES })).toThrow(ConfigError);
});

test("every bad variable is listed", () => {
  expect(() =>
    loadConfig(configSchema, { LEASE_MS: "10", MAX_RETRIES: "-1", WORKER_CONCURRENCY: "many" }),
  ).toThrow(/WORKER_CONCURRENCY .*LEASE_MS .*MAX_RETRIES /s);
});
