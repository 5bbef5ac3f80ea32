import { expect, test } from "vitest";
import { capabilityOf, confirmedBy } from "./durability.ts";

const FSYNCED = { durability: "fsynced" as const, replicas: 0 };
const info = (version: string, aof = "1") => `# Server\r\nredis_version:${version}\r\naof_enabled:${aof}\r\n`;
const config = (appendfsync: string, onRewrite = "no") =>
  new Map([
    ["appendfsync", appendfsync],
    ["no-appendfsync-on-rewrite", onRewrite],
  ]);

test.each(["7.2.0", "7.4.1", "8.0.0", "10.0.0"])(
  "Redis %s is asked with WAITAOF, whatever its appendfsync",
  (version) => {
    expect(capabilityOf(info(version), null, FSYNCED, 500)).toEqual({ command: ["WAITAOF", 1, 0, 500] });
  },
);

test("before 7.2 only the configuration can give the durability, and no command waits for it", () => {
  expect(capabilityOf(info("7.0.15"), config("always"), FSYNCED, 500)).toEqual({ command: null });
  for (const told of [config("everysec"), config("always", "yes"), null])
    expect(capabilityOf(info("7.0.15"), told, FSYNCED, 500)).toHaveProperty("refusal");
});

test.each(["7.0.15", "7.4.1"])(
  "without an append-only file Redis %s cannot give the durability fsynced",
  (version) => {
    expect(capabilityOf(info(version, "0"), config("always"), FSYNCED, 500)).toEqual({
      refusal: expect.stringContaining("appendonly yes"),
    });
  },
);

test("replicas count once they are in sync", () => {
  const replicas =
    "slave0:ip=a,port=1,state=online,offset=1\r\nslave1:ip=b,port=2,state=wait_bgsave,offset=0\r\n";
  const wish = (count: number) => ({ durability: "replicated" as const, replicas: count });
  expect(capabilityOf(replicas, null, wish(1), 500)).toEqual({ command: ["WAIT", 1, 500] });
  expect(capabilityOf(replicas, null, wish(2), 500)).toHaveProperty("refusal");
});

test("an answer says how many confirmed", () => {
  expect(confirmedBy(["WAIT", 2, 1], 1)).toBe(1);
  expect(confirmedBy(["WAITAOF", 1, 0, 1], [0, 2])).toBe(0);
  expect(confirmedBy(["WAITAOF", 1, 0, 1], [1, 0])).toBe(1);
  expect(confirmedBy(["WAITAOF", 1, 0, 1], null)).toBe(0);
});
