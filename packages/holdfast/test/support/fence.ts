import { expect } from "vitest";
import type { Verdict } from "../../src/engine/engine.ts";
import type { TestQueue } from "./test-queue.ts";

/** Every kind of verdict, with the given token. */
export const everyVerdict = (id: string, token: string): Verdict[] => [
  { kind: "ack", id, token },
  { kind: "ack", id, token, resultText: '"late"' },
  { kind: "fail", id, token, delayMs: 0, error: "late" },
  { kind: "fatal", id, token, error: "late" },
  { kind: "quarantine", id, token, error: "late" },
  { kind: "release", id, token },
  { kind: "unrouted", id, token },
];

/** I5: once a task was granted again, nothing that its former holder says changes it. */
export async function expectFenced(queue: TestQueue): Promise<void> {
  await queue.add("fenced");
  const first = await queue.grant();
  await queue.crash();
  const second = await queue.grant({ workerId: "w2" });
  expect(second.token).not.toBe(first.token);
  const before = await queue.task("fenced");
  for (const verdict of everyVerdict("fenced", first.token)) {
    expect([verdict.kind, await queue.settle([verdict])]).toEqual([verdict.kind, ["stale"]]);
  }
  expect(await queue.task("fenced")).toEqual(before);
  expect(await queue.ack(second)).toBe("acked");
}

/** I5: a lease that was taken back is over, even before somebody else holds the task. */
export async function expectReapSpoilsToken(queue: TestQueue): Promise<void> {
  await queue.add("reaped");
  const grant = await queue.grant();
  await queue.crash();
  for (const verdict of everyVerdict("reaped", grant.token)) {
    expect([verdict.kind, await queue.settle([verdict])]).toEqual([verdict.kind, ["stale"]]);
  }
  expect(await queue.engine.heartbeat(["reaped", grant.token], 30_000)).toBe("l");
  expect((await queue.task("reaped")).state).toBe("pending");
}

/** I7, I8: attempts are counted when they begin, so that a task that kills its worker is dead after so many grants. */
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

/** I6: a lease that still runs is not taken back. */
export async function expectRunningLeaseIsLeft(queue: TestQueue): Promise<void> {
  await queue.add("running");
  const grant = await queue.grant();
  queue.advance(29_999);
  expect(await queue.engine.reap(500)).toEqual({ requeued: 0, dead: 0, cancelled: 0, nextInMs: 1 });
  expect(await queue.ack(grant)).toBe("acked");
}
