import { describe, expect, test } from "vitest";
import { ERROR_STATUS, FatalError, HoldfastError, RetryAfter } from "./errors.ts";

describe("HoldfastError", () => {
  test("has its code, its task and argument, and its cause", () => {
    const cause = new Error("below");
    const error = new HoldfastError("queue_full", "no room", { cause, taskId: "t1", retryAfterMs: 1_000 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "HoldfastError",
      message: "no room",
      code: "queue_full",
      taskId: "t1",
      retryAfterMs: 1_000,
      cause,
    });
  });

  test("has no cause if none was given", () => {
    const error = new HoldfastError("internal", "x");
    expect("cause" in error).toBe(false);
    expect(error.taskId).toBeUndefined();
  });
});

test("every code has an HTTP status of an error", () => {
  for (const status of Object.values(ERROR_STATUS)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  }
});

test("an error that may pass by itself is 429 or 503", () => {
  for (const code of ["queue_full", "rate_limited"] as const) expect(ERROR_STATUS[code]).toBe(429);
  for (const code of ["redis_unavailable", "redis_out_of_memory", "outcome_unknown", "closed"] as const)
    expect(ERROR_STATUS[code]).toBe(503);
});

test("FatalError keeps its name, which workers recognise, and its cause", () => {
  const cause = new Error("below");
  expect(new FatalError("never", { cause })).toMatchObject({ name: "FatalError", message: "never", cause });
});

describe("RetryAfter", () => {
  test("has its delay", () => {
    expect(new RetryAfter(5)).toMatchObject({ name: "RetryAfter", delayMs: 5, message: "retry after 5 ms" });
    expect(new RetryAfter(0, "soon").message).toBe("soon");
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("refuses %s", (delayMs) => {
    expect(() => new RetryAfter(delayMs)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});
