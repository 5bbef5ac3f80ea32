import { expect, test } from "vitest";
import type { RemoteVerdict } from "./remote-worker.ts";
import type { RemoteLease } from "./token.ts";
import { verdictOf, warningsOf } from "./verdicts.ts";

const lease: RemoteLease = {
  ...{
    fence: "1-abcdefgh",
    place: 1,
    part: 0,
    type: "t",
    attempt: 3,
    enqueuedAt: 0,
    grantedAt: 0,
    waitedMs: 0,
  },
  ...{ hasKey: false, own: { backoff: null, maxRetries: null }, isCalled: false },
};
const of = { id: "a", token: "" };
const error = { name: "E", message: "m" };
const told = (verdict: Omit<RemoteVerdict, "id" | "token">, more: Partial<RemoteLease> = {}) =>
  verdictOf(
    { ...of, ...verdict } as RemoteVerdict,
    { ...lease, ...more },
    { maxRetries: 3, now: 1_000, version: "1" },
  );

test("a failure waits as long as the worker says", () => {
  expect(told({ verdict: "fail", error, delayMs: 7 } as never)).toMatchObject({
    kind: "fail",
    delayMs: 7,
    error: "E: m",
  });
});

test("otherwise it waits by the backoff of the task, or else by the default one", () => {
  const own = { maxRetries: null, backoff: { kind: "fixed", baseMs: 40, jitter: "none" } as const };
  expect(told({ verdict: "fail", error } as never, { own })).toMatchObject({ kind: "fail", delayMs: 40 });
  for (let run = 0; run < 20; run++) {
    const verdict = told({ verdict: "fail", error } as never);
    if (verdict.kind !== "fail") throw new Error(verdict.kind);
    expect(verdict.delayMs).toBeGreaterThanOrEqual(0);
    // The default backoff begins with one second and doubles, and this is the third attempt.
    expect(verdict.delayMs).toBeLessThanOrEqual(4_000);
  }
});

test("a rate limit of the key holds the queue if the task has no key", () => {
  expect(told({ verdict: "rate_limit", delayMs: 5 } as never)).toMatchObject({ scope: "queue" });
  expect(told({ verdict: "rate_limit", delayMs: 5 } as never, { hasKey: true })).toMatchObject({
    scope: "key",
  });
  expect(told({ verdict: "rate_limit", delayMs: 5, scope: "type" } as never)).toMatchObject({
    scope: "type",
  });
});

test("a suspension waits until its time by the clock of Redis, and never less than not at all", () => {
  expect(told({ verdict: "suspend", until: 1_500, events: ["a b"] } as never)).toMatchObject({
    ...{ kind: "suspend", delayMs: 500, events: "a%20b" },
  });
  expect(told({ verdict: "suspend", until: 500, events: [] } as never)).toMatchObject({ delayMs: 0 });
});

test("a result that is too large is left out with a warning, because the work is done", () => {
  const large = { verdict: "complete", resultText: JSON.stringify("x".repeat(70_000)) } as never;
  expect(told(large)).toEqual({ kind: "ack", id: "a", fence: lease.fence });
  expect(warningsOf([{ ...of, ...(large as object) } as RemoteVerdict])).toEqual([
    expect.stringMatching(/^verdicts\/0: task a is completed without its result, which has 70002 bytes/),
  ]);
  expect(warningsOf([{ ...of, verdict: "complete", resultText: "1" }])).toEqual([]);
});
