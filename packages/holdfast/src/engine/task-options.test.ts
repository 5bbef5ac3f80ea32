import { LIMITS } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { checkShape } from "../options/shape.ts";
import { flatTask, type NewTask, optionsOfNewTask, taskShape, taskTextShape } from "./task-options.ts";

const checkOptions = (options: object) => checkShape(taskShape, options);
const refusalOf = (check: () => unknown): { code: string; message: string } => {
  try {
    check();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return expect.unreachable("the options were accepted");
};

describe("the error for an option outside its range names the option", () => {
  test.each([
    [{ delayMs: -1 }, /^delayMs/],
    [{ delayMs: 0.5 }, /^delayMs/],
    [{ delayMs: Number.NaN }, /^delayMs/],
    [{ delayMs: LIMITS.delayMs + 1 }, /^delayMs/],
    [{ runAt: -1 }, /^runAt/],
    [{ delayMs: 1, runAt: 1 }, /cannot be combined/],
    [{ maxRetries: 101 }, /^maxRetries/],
    [{ timeoutMs: 0 }, /^timeoutMs/],
    [{ expiresAt: 0 }, /^expiresAt/],
    [{ priority: "urgent" }, /^priority/],
    [{ tags: Array(17).fill("x") }, /^tags has to be a list of at most 16/],
    [{ tags: [""] }, /^tags/],
    [{ tags: ["x".repeat(65)] }, /^tags/],
    [{ tags: ["\ud800"] }, /^tags/],
    [{ backoff: { baseMs: -1 } }, /^backoff\.baseMs/],
    [{ backoff: { maxMs: 86_400_001 } }, /^backoff\.maxMs/],
  ])("%j", (options, message) => {
    expect(() => checkOptions(options)).toThrow(message);
  });

  test("the bounds themselves are allowed", () => {
    checkOptions({ delayMs: 0, maxRetries: 0, timeoutMs: 1, expiresAt: 1, tags: ["x".repeat(64)] });
    checkOptions({ delayMs: LIMITS.delayMs, maxRetries: 100, timeoutMs: LIMITS.timeoutMs });
    checkOptions({ runAt: 8.64e15, backoff: { baseMs: 0, maxMs: 86_400_000 }, durability: "memory" });
  });

  test("every durability is an option, and replicas go with replicated", () => {
    checkOptions({ durability: "fsynced" });
    checkOptions({ durability: "replicated", replicas: 2 });
    for (const wrong of [{ replicas: 1 }, { durability: "fsynced", replicas: 1 }, { durability: "disk" }])
      expect(() => checkOptions(wrong)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

test.each([
  [{ delay: 5_000 }, "delay is not an option of a task: did you mean delayMs?"],
  [{ delayMS: 5_000 }, "did you mean delayMs?"],
  [{ attempts: 5 }, "did you mean maxRetries? It counts the retries after the first attempt"],
  [{ jobId: "x" }, "did you mean id?"],
  [{ removeOnComplete: true }, "keep: { completedMs, count } says how long a completed task is kept"],
  [{ removeOnFail: true }, "keep: { deadMs } says how long a dead letter is kept"],
  [{ keep: {} }, "keep needs completedMs, deadMs or count: leave keep out to use the retention of the queue"],
  [{ keep: { count: undefined } }, "keep needs completedMs"],
  [{ keep: 1_000 }, "keep has to be an object such as { completedMs: 60_000 }, got 1000"],
  [{ keep: null }, "got null"],
  [{ keep: { completedMs: -1 } }, "keep.completedMs has to be a whole number from 0 to 31536000000, got -1"],
  [{ keep: { completedMs: 0.5 } }, "got 0.5"],
  [{ keep: { deadMs: 0 } }, "keep.deadMs has to be a whole number from 1 to 31536000000, got 0"],
  [{ keep: { count: 0 } }, "keep.count has to be a whole number from 1 to 10000, got 0"],
  [{ keep: { age: 3_600 } }, "keep.age is not an option of keep: did you mean keep.completedMs?"],
  [{ keep: { completed: 5 } }, "did you mean keep.completedMs?"],
  [{ lifo: true }, "give it another priority"],
  [{ deduplication: { id: "d" } }, "did you mean unique?"],
  [{ repeat: { every: 1 } }, "docs/schedules.md"],
  [{ fingerprint: "x" }, "fingerprint is not an option of a task"],
  [{ backoff: 5_000 }, 'backoff has to be an object such as { kind: "fixed", baseMs: 1_000 }, got 5000'],
  [{ backoff: "exponential" }, 'got "exponential"'],
  [{ backoff: null }, "got null"],
  [
    { backoff: { type: "fixed", delay: 10 } },
    "backoff.type is not an option of a backoff: did you mean backoff.kind?",
  ],
  [{ backoff: { delay: 10 } }, "did you mean backoff.baseMs?"],
  [{ backoff: { kind: "linear" } }, 'backoff.kind has to be exponential or fixed, got "linear"'],
  [{ backoff: { jitter: 0.5 } }, "backoff.jitter has to be full or none, got 0.5"],
  [{ backoff: { baseMs: "200ms" } }, 'got "200ms"'],
  [{ tags: "abc" }, 'got "abc"'],
  [{ tags: new Set(["a"]) }, "got a Set"],
  [
    { runAt: new Date(0) },
    "runAt has to be a time in ms since the epoch (a whole number, such as Date.now()), got a Date",
  ],
  [{ priority: 1 }, "priority has to be high, normal or low, got 1"],
  [{ keepPayload: null }, "keepPayload has to be true or false, got null"],
  [null, "got null"],
  ["high", 'the options of a task have to be an object such as { delayMs: 5_000 }, got "high"'],
])("%j is refused: %s", (options, message) => {
  const refusal = refusalOf(() => checkShape(taskShape, options));
  expect(refusal.code).toBe("invalid_argument");
  expect(refusal.message).toContain(message);
  expect(refusal.message).toContain("docs/options.md#");
});

test("an invalid id has its own error code", () => {
  for (const id of [123, null, "", "a/b", "x".repeat(129)])
    expect(refusalOf(() => checkShape(taskShape, { id })).code).toBe("invalid_task_id");
});

test("a fingerprint needs an id, and may have no space or newline", () => {
  checkShape(taskTextShape, { id: "a", fingerprint: "x" });
  for (const wrong of [
    { fingerprint: "x" },
    { id: "a", fingerprint: "a b" },
    { id: "a", fingerprint: "a\nb" },
  ])
    expect(refusalOf(() => checkShape(taskTextShape, wrong)).message).toContain("fingerprint");
});

describe("a task of a batch", () => {
  test("has its options as members beside type and payload", () => {
    const plain: NewTask[] = [
      { type: "t", payload: 1 },
      { type: "t", payloadText: "1" },
      { type: "t", payload: undefined },
      { type: "t", payload: 1, payloadText: undefined },
    ];
    for (const task of plain) expect(optionsOfNewTask(task)).toBeUndefined();
    const task = { type: "t", payload: 1, delayMs: 5 };
    expect(optionsOfNewTask(task)).toBe(task);
  });

  test("may have its options in `options`, as `enqueue` takes them, but no field in both places", () => {
    const task = { type: "t", payload: 1, options: { id: "a", delayMs: 5 } };
    expect(flatTask(task)).toEqual({ type: "t", payload: 1, id: "a", delayMs: 5 });
    expect(flatTask({ type: "t", payload: 1, options: undefined })).toEqual({ type: "t", payload: 1 });
    const flat = { type: "t", payload: 1, delayMs: 5 };
    expect(flatTask(flat)).toBe(flat);
    for (const [options, text] of [
      [{ delayMs: 5 }, "delayMs is given twice, next to type and payload and in options"],
      [{ delay: 5 }, "did you mean delayMs?"],
      [5, "got 5"],
    ] as const)
      expect(refusalOf(() => flatTask({ ...flat, options } as NewTask))).toMatchObject({
        code: "invalid_argument",
        message: expect.stringContaining(text),
      });
  });

  test.each([
    [{ type: "t", payload: 1, opts: {} }, "put its fields next to type and payload"],
    [{ name: "t", data: 1 }, "name is not an option of a task of a batch: did you mean type?"],
    [{ type: "t", data: 1 }, "did you mean payload?"],
    [{ type: "t", payload: 1, delay: 5 }, "did you mean delayMs?"],
    [{ type: "t", payload: 1, payloadText: "1" }, "payload and payloadText cannot be combined"],
    [{ type: "t", payloadText: 1 }, "payloadText has to be JSON text, got 1"],
    [{ type: "t", payload: 1, partitionKey: "" }, "partitionKey has to be a text of 1 to 256 characters"],
    [{ type: "t", payload: 1, partitionKey: "k", id: "a" }, "id and partitionKey cannot be combined"],
    [{ type: "t", payload: 1, delayMs: 1, runAt: 1 }, "cannot be combined"],
    [{ type: 5, payload: 1, delayMs: 1 }, "type has to be a task type"],
    [null, "got null"],
    [undefined, "got undefined"],
    ["t", 'got "t"'],
  ])("%j is refused: %s", (task, message) => {
    expect(refusalOf(() => optionsOfNewTask(task as never)).message).toContain(message);
  });
});
