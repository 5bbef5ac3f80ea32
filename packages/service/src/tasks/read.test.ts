import { HoldfastError, LIMITS } from "@holdfast/contracts";
import { TASK_JSON_OPTIONS } from "@holdfast/contracts/task-json";
import { describe, expect, test } from "vitest";
import { readTask } from "./intake.ts";
import { idFromKey, taskReader } from "./read.ts";
import { taskOptionsSchema } from "./schema.ts";

const read = (text: string, key?: string) => readTask(Buffer.from(text), key);

function failure(text: string): HoldfastError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  throw new Error(`was accepted: ${text}`);
}

describe("the body of an enqueue", () => {
  test("is read as a task with its options and the exact text of its payload", () => {
    const payload = '{ "b":1,  "a":1.0, "é":12345678901234567890 }';
    expect(read(`{"type":"t", "payload": ${payload} , "maxRetries":0}`)).toEqual({
      type: "t",
      payloadText: payload,
      payloadBytes: Buffer.byteLength(payload),
      options: { maxRetries: 0 },
    });
    expect(read('{"payload":1,"type":"t"}').options).toBeUndefined();
  });

  test("may have the options that every reader of tasks accepts, and no others", () => {
    const names = Object.keys(taskOptionsSchema.properties).filter((name) => name !== "type");
    expect(names.sort()).toEqual(TASK_JSON_OPTIONS.toSorted());
  });

  test.each([
    ["an unknown field", '{"type":"t","payload":1,"retries":3}', "retries"],
    ["__proto__", '{"type":"t","payload":1,"__proto__":{"id":"x"}}', "__proto__"],
    ["no type", '{"payload":1}', "type"],
    ["no payload", '{"type":"t"}', "payload"],
    ["a negative delay", '{"type":"t","payload":1,"delayMs":-1}', "delayMs"],
    ["a number as text", '{"type":"t","payload":1,"delayMs":"5"}', "delayMs"],
    ["a fraction of a millisecond", '{"type":"t","payload":1,"delayMs":0.5}', "delayMs"],
    ["delayMs beside runAt", '{"type":"t","payload":1,"delayMs":1,"runAt":1}', "runAt"],
    ["an unknown priority", '{"type":"t","payload":1,"priority":"urgent"}', "priority"],
    ["an unknown field of backoff", '{"type":"t","payload":1,"backoff":{"base":1}}', "base"],
    ["too many retries", '{"type":"t","payload":1,"maxRetries":101}', "maxRetries"],
    ["an id outside the pattern", '{"type":"t","payload":1,"id":"a b"}', "id"],
    ["a type outside the pattern", '{"type":"a b","payload":1}', "type"],
    ["too many tags", `{"type":"t","payload":1,"tags":[${'"a",'.repeat(16)}"a"]}`, "tags"],
    ["an array", "[]", "object"],
    ["a number", "1", "object"],
  ])("is refused with %s", (_name, text, named) => {
    const error = failure(text);
    expect(error.code).toBe("invalid_argument");
    expect(error.message).toContain(named);
  });

  test("is refused with the names of all wrong fields", () => {
    expect(failure('{"type":"t","delayMs":-1,"ifEnded":"again"}')).toMatchObject({
      errors: [{ path: "/delayMs" }, { path: "" }, { path: "/ifEnded" }],
    });
    expect(failure(`{"type":"t","payload":"${"x".repeat(LIMITS.payloadBytes)}"}`)).toMatchObject({
      code: "payload_too_large",
      field: "payload",
    });
  });

  test("gets the same valid id each time from the same idempotency key", () => {
    const id = read('{"type":"t","payload":1}', "order 4711 / é").options?.id;
    expect(id).toBe(idFromKey("order 4711 / é"));
    expect(id).toMatch(/^idem:[A-Za-z0-9_-]{43}$/);
    const { options } = read(' {"type":"t","payload":1}\n', "k");
    expect(options).toMatchObject({ ifEnded: "duplicate", fingerprint: expect.any(String) });
    expect(read('\ufeff{"payload":1,"type":"t"}', "k").options?.fingerprint).not.toBe(options?.fingerprint);
    expect(read('{"type":"t","payload":1}', "k").options).toEqual(options);
    expect(() => read('{"type":"t","payload":1,"id":"x"}', "k")).toThrow("cannot be combined");
  });
});

test("a task has the same fingerprint alone and in a batch, and another text has another fingerprint", () => {
  const named = '{"type":"t","id":"x","payload":1}';
  const [item] = taskReader.array(Buffer.from(`[ ${named} ]`)).tasks.options?.values() ?? [];
  const [line] = taskReader.lines(Buffer.from(`  ${named}\r\n`)).tasks.options?.values() ?? [];
  const fingerprint = read(`\n${named} `).options?.fingerprint;
  expect(fingerprint).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect([item?.fingerprint, line?.fingerprint]).toEqual([fingerprint, fingerprint]);
  expect(read('{"type":"t","id":"x","payload":1.0}').options?.fingerprint).not.toBe(fingerprint);
  expect(read('{"type":"t","id":"x","payload":1,"runAt":1}').options?.fingerprint).toBeUndefined();
});
