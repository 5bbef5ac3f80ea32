import { expect } from "vitest";
import type { Verdict } from "../../src/engine/engine.ts";
import type { TestQueue } from "./test-queue.ts";

/** Returns the part of a token that Redis keeps. */
export const fenceOf = (token: string): string => token.split(".")[0] ?? "";

/** Returns one verdict of every kind, with the given fence. */
export const everyVerdict = (id: string, fence: string): Verdict[] => [
  { kind: "ack", id, fence },
  { kind: "ack", id, fence, resultText: '"late"' },
  { kind: "fail", id, fence, delayMs: 0, error: "late" },
  { kind: "fatal", id, fence, error: "late" },
  { kind: "quarantine", id, fence, error: "late" },
  { kind: "release", id, fence },
  { kind: "unrouted", id, fence },
];

/** Checks invariant I5: once a task was granted again, no verdict of its former holder changes it. */
export async function expectFenced(queue: TestQueue): Promise<void> {
  await queue.add("fenced");
  const first = await queue.grant();
  await queue.crash();
  const second = await queue.grant({ workerId: "w2" });
  expect(second.fence).not.toBe(first.fence);
  const before = await queue.task("fenced");
  for (const verdict of everyVerdict("fenced", first.fence)) {
    expect([verdict.kind, await queue.settle([verdict])]).toEqual([verdict.kind, ["stale"]]);
  }
  expect(await queue.task("fenced")).toEqual(before);
  expect(await queue.ack(second)).toBe("acked");
}

/** Checks invariant I5: a lease that was taken back is invalid, even before somebody else holds the task. */
export async function expectReapSpoilsToken(queue: TestQueue): Promise<void> {
  await queue.add("reaped");
  const grant = await queue.grant();
  await queue.crash();
  for (const verdict of everyVerdict("reaped", grant.fence)) {
    expect([verdict.kind, await queue.settle([verdict])]).toEqual([verdict.kind, ["stale"]]);
  }
  expect(await queue.engine.heartbeat(["reaped", grant.fence], 30_000)).toBe("l");
  expect((await queue.task("reaped")).state).toBe("pending");
}

/**
 * Checks the invariants I7 and I8: an attempt is counted when it begins. So a task that kills its worker is dead
 * after `maxRetries` + 1 grants.
 */
export async function expectDeadAfterGrants(queue: TestQueue, maxRetries: number): Promise<void> {
  await queue.add("killer", { maxRetries });
  let grants = 0;
  for (; grants <= maxRetries + 2; grants++) {
    const { grants: got } = await queue.acquire(1);
    if (got.length === 0) break;
    await queue.crash();
  }
  expect(grants).toBe(maxRetries + 1);
  expect(await queue.task("killer")).toMatchObject({
    state: "dead",
    deadReason: "crashes_exhausted",
    attempts: maxRetries + 1,
    crashes: maxRetries + 1,
  });
}

/** Checks invariant I6: a lease that has not expired is not taken back. */
export async function expectRunningLeaseIsLeft(queue: TestQueue): Promise<void> {
  await queue.add("running");
  const grant = await queue.grant();
  queue.advance(29_999);
  expect(await queue.engine.reap(500)).toEqual({ requeued: 0, dead: 0, cancelled: 0, nextInMs: 1 });
  expect(await queue.ack(grant)).toBe("acked");
}
