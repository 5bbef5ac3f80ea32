import { HoldfastError } from "holdfast";
import { expect, test, vi } from "vitest";
import { fakeActions, silent } from "../../test/fakes.ts";
import { AuditLog, type Author } from "./audit-log.ts";

const author: Author = {
  actor: "ana",
  keyId: "k1",
  role: "operator",
  from: "10.0.0.7",
  requestId: "r1",
  clientRequestId: "theirs",
};
const mutation = { action: "queue.pause" as const, queue: "q", by: author };

function setup() {
  const actions = fakeActions();
  const audit = new AuditLog({ actions, logger: silent });
  return { audit, actions };
}

test("the record of a change says who made it, from where, how many tasks it changed, and why", async () => {
  const { audit, actions } = setup();
  await audit.during({ ...mutation, reason: "deploy" }, async () => ({ count: 3 }));
  expect(actions.records).toMatchObject([
    {
      ...author,
      action: "queue.pause",
      queue: "q",
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
])("a change that failed with $code is recorded as $outcome", async ({ error, outcome, code }) => {
  const { audit, actions } = setup();
  await expect(audit.during(mutation, () => Promise.reject(error))).rejects.toBe(error);
  expect(actions.records).toMatchObject([{ outcome, code, count: 0 }]);
});

test("if Redis refuses a record, the change still succeeds, and the record is written to the log", async () => {
  const actions = { ...fakeActions(), append: () => Promise.reject(new Error("full")) };
  const error = vi.fn();
  const audit = new AuditLog({ actions, logger: Object.assign(Object.create(silent), { error }) });
  expect(await audit.during(mutation, async () => ({ count: 1 }))).toEqual({ count: 1 });
  expect(error).toHaveBeenCalledWith(
    expect.objectContaining({ audit: expect.objectContaining({ action: "queue.pause", count: 1 }) }),
    expect.any(String),
  );
});
