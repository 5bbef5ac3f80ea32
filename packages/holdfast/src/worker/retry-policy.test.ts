import { CancelTask, FatalError, RateLimited, RetryAfter } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { testWorker } from "../testing/index.ts";
import type { HandlerOptions } from "./handler.ts";

const fails = (error: unknown) => () => {
  throw error;
};
/** Runs a task once, with a handler that throws the error and has these options. */
const run = (error: unknown, options: Omit<HandlerOptions, "handler">, how = {}) =>
  testWorker({ t: { handler: fails(error), ...options } }).run("t", { n: 7 }, how);

test("a function computes the wait from the attempt, the error and the task", async () => {
  const asked: unknown[] = [];
  const error = new Error("no");
  const backoff: HandlerOptions["backoff"] = (attempt, thrown, task) => {
    asked.push(attempt, thrown, task.payload.n);
    return attempt * 1_000;
  };
  expect(await run(error, { backoff }, { attempt: 2 })).toMatchObject({ outcome: "retried", delayMs: 2_000 });
  expect(asked).toEqual([2, error, 7]);
});

test("the options of a task, and the wait of an error, come before the function", async () => {
  const backoff = () => 5;
  const own = { kind: "fixed", baseMs: 9_000, jitter: "none" };
  expect(await run(new Error("no"), { backoff }, { backoff: own })).toMatchObject({ delayMs: 9_000 });
  expect(await run(new RetryAfter(77), { backoff })).toMatchObject({ delayMs: 77 });
});

test("null gives the task up", async () => {
  expect(await run(new Error("no"), { backoff: () => null })).toMatchObject({ outcome: "dead", attempts: 1 });
});

test.each([
  ["NaN", () => Number.NaN],
  ["a negative wait", () => -1],
  ["a text", () => "5s" as never],
  ["a promise", (async () => 5) as never],
  ["a throw", fails(new TypeError("x"))],
])("%s from the function is an error event, and the default backoff is used", async (_, backoff) => {
  const ended = await run(new Error("no"), { backoff }, { attempt: 1 });
  expect(ended.outcome).toBe("retried");
  expect(ended.delayMs).toBeLessThanOrEqual(1_000);
  expect(ended.errors).toHaveLength(1);
  expect(ended.errors[0]?.message).toMatch(/^backoff (has to return|threw)/);
});

test("an error that does not count as a failure costs no attempt, and the task waits by the backoff", async () => {
  const isFailure = (error: unknown) => (error as Error).message !== "busy";
  const options = { isFailure, backoff: () => 400 };
  expect(await run(new Error("busy"), options)).toMatchObject({
    outcome: "released",
    attempts: 0,
    delayMs: 400,
  });
  expect(await run(new Error("no"), options)).toMatchObject({ outcome: "retried", attempts: 1 });
  // FatalError and RateLimited mean the same whatever `isFailure` returns.
  expect(await run(new FatalError("busy"), options)).toMatchObject({ outcome: "dead" });
  expect(await run(new RateLimited(50, {}), options)).toMatchObject({ outcome: "released", delayMs: 50 });
});

test.each([
  ["a throw", fails(new TypeError("x"))],
  ["no boolean", () => undefined as never],
])("%s from isFailure is an error event, and the error counts", async (_, isFailure) => {
  const ended = await run(new Error("no"), { isFailure });
  expect(ended).toMatchObject({ outcome: "retried", attempts: 1 });
  expect(ended.errors[0]?.message).toMatch(/^isFailure (has to return|threw)/);
});

test("with deadLetter: false a task that is given up ends as cancelled, but is retried before as usual", async () => {
  const options = { deadLetter: false, maxRetries: 1 };
  expect(await run(new Error("no"), options)).toMatchObject({ outcome: "retried" });
  expect(await run(new Error("no"), options, { untilSettled: true })).toMatchObject({
    outcome: "cancelled",
    attempts: 2,
  });
  expect(await run(new FatalError("no"), options)).toMatchObject({ outcome: "cancelled", attempts: 1 });
  expect(await run(new Error("no"), { ...options, backoff: () => null })).toMatchObject({
    outcome: "cancelled",
  });
});

test("CancelTask ends the task as cancelled, also as a cause and by its name", async () => {
  const named = Object.assign(new Error("x"), { name: "CancelTask" });
  for (const error of [new CancelTask("gone"), new Error("outer", { cause: new CancelTask("gone") }), named])
    expect(await run(error, {})).toMatchObject({ outcome: "cancelled", attempts: 1 });
});

test("maxRetries of a handler holds for tasks that do not set it", async () => {
  const untilSettled = { untilSettled: true };
  expect(await run(new Error("no"), { maxRetries: 0 }, untilSettled)).toMatchObject({
    outcome: "dead",
    attempts: 1,
  });
  expect(await run(new Error("no"), { maxRetries: 5 }, untilSettled)).toMatchObject({
    outcome: "dead",
    attempts: 6,
  });
  expect(await run(new Error("no"), { maxRetries: 5 }, { ...untilSettled, maxRetries: 1 })).toMatchObject({
    attempts: 2,
  });
});
