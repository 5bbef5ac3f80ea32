import { HoldfastError } from "holdfast";
import { expect, test } from "vitest";
import { silent } from "../../test/fakes.ts";
import { AuditLog } from "./audit-log.ts";

const mutation = { action: "queue.pause" as const, queue: "q", requestId: "r1" };

test("a mutation that went well leaves its count and reason", async () => {
  const audit = new AuditLog({ logger: silent });
  await audit.during({ ...mutation, reason: "deploy" }, async () => ({ count: 3 }));
  expect(audit.list({ limit: 10 })).toMatchObject([
    {
      action: "queue.pause",
      queue: "q",
      actor: "anonymous",
      count: 3,
      reason: "deploy",
      outcome: "succeeded",
      code: null,
    },
  ]);
});

test.each([
  { error: new HoldfastError("queue_busy", "busy"), outcome: "refused", code: "queue_busy" },
  { error: new HoldfastError("redis_unavailable", "down"), outcome: "failed", code: "redis_unavailable" },
  { error: new Error("bug"), outcome: "failed", code: "internal" },
])("a mutation that threw $code is $outcome", async ({ error, outcome, code }) => {
  const audit = new AuditLog({ logger: silent });
  await expect(audit.during(mutation, () => Promise.reject(error))).rejects.toBe(error);
  expect(audit.list({ limit: 10 })).toMatchObject([{ outcome, code, count: 0 }]);
});

test("the newest come first, of one queue if asked, and the oldest go", async () => {
  const audit = new AuditLog({ logger: silent, maxKept: 3 });
  for (const queue of ["a", "b", "a", "b", "a"])
    await audit.during({ ...mutation, queue }, async () => ({ count: 0 }));
  expect(audit.list({ limit: 10 }).map(({ queue }) => queue)).toEqual(["a", "b", "a"]);
  expect(audit.list({ queue: "b", limit: 10 })).toHaveLength(1);
  expect(audit.list({ limit: 2 })).toHaveLength(2);
});
