import { ConfigError, loadConfig, StartupError } from "@holdfast/service";
import { expect, test } from "vitest";
import { configSchema, parseQueues, workedQueues } from "./config.ts";

test("a queue without a weight has the weight 1", () => {
  expect(parseQueues("default")).toEqual({ default: 1 });
  expect(parseQueues("critical=6,default=3,low")).toEqual({ critical: 6, default: 3, low: 1 });
});

test.each(["a,", "a=0", "a=x", "{a}", "a b", "-a", "a=1000"])("QUEUES=%j is refused", (QUEUES) => {
  expect(() => loadConfig(configSchema, { QUEUES })).toThrow(ConfigError);
});

test("queues in strict order are a list, without weights", () => {
  expect(workedQueues({ QUEUES: "urgent,bulk", QUEUE_ORDER: "strict" })).toEqual(["urgent", "bulk"]);
  expect(workedQueues({ QUEUES: "urgent,bulk=2", QUEUE_ORDER: "weighted" })).toEqual({ urgent: 1, bulk: 2 });
  expect(() => workedQueues({ QUEUES: "urgent=2,bulk", QUEUE_ORDER: "strict" })).toThrow(StartupError);
});

test("every bad variable is listed", () => {
  expect(() =>
    loadConfig(configSchema, { LEASE_MS: "10", MAX_RETRIES: "-1", WORKER_CONCURRENCY: "many" }),
  ).toThrow(/WORKER_CONCURRENCY .*LEASE_MS .*MAX_RETRIES /s);
});
