import { HoldfastError, LIMITS } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { idFromKey, readTask, readTaskArray, readTaskLines } from "./read.ts";

const read = (text: string, key?: string) => readTask(Buffer.from(text), key).task;

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
  test.each([
    "12345678901234567890",
    '{ "b":1,  "a":1.0 }',
    '"\\u00e9\\ud800"',
    "null",
    "-0",
    '{"a":1,"a":2}',
    '"é😀\u2028"',
  ])("keeps the payload %s to the byte", (payload) => {
    const { task, bytes } = readTask(Buffer.from(`{"type":"t", "payload": ${payload} , "maxRetries":0}`));
    expect(task).toMatchObject({ type: "t", payloadText: payload, maxRetries: 0 });
    expect(bytes).toBe(Buffer.byteLength(payload));
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

  test.each([
    "",
    "{",
    '{"type":"t","payload":1}x',
    "{'type':'t'}",
    '{"type":"t","payload":01}',
    '{"type":"t","payload":NaN}',
  ])("is refused as no JSON: %j", (text) => expect(failure(text).code).toBe("invalid_json"));

  test("is refused with a key twice", () => {
    expect(failure('{"type":"a","payload":1,"type":"b"}')).toMatchObject({
      code: "invalid_json",
      message: 'the field "type" occurs twice',
    });
  });

  test("takes a payload of exactly the limit and refuses one byte more", () => {
    const body = (length: number) => `{"type":"t","payload":"${"é".repeat((length - 2) / 2)}"}`;
    expect(readTask(Buffer.from(body(LIMITS.payloadBytes))).bytes).toBe(LIMITS.payloadBytes);
    expect(failure(body(LIMITS.payloadBytes + 2)).code).toBe("payload_too_large");
  });

  test("an idempotency key becomes an id that fits the pattern, the same each time", () => {
    const { id } = read('{"type":"t","payload":1}', "order 4711 / é");
    expect(id).toBe(idFromKey("order 4711 / é"));
    expect(id).toMatch(/^idem:[A-Za-z0-9_-]{43}$/);
    expect(read('{"type":"t","payload":1}', "k").fingerprint).toBeDefined();
    expect(() => read('{"type":"t","payload":1,"id":"x"}', "k")).toThrow("exclude each other");
  });
});

describe("a batch", () => {
  const good = '{"type":"t","payload":1}';

  test("keeps the order and gives each bad task its own error", () => {
    const items = readTaskArray(Buffer.from(`[${good},{"type":"t"},3,{"type":"t","payload":2}]`));
    expect(items.map((item) => (item.ok ? item.task.payloadText : item.error.code))).toEqual([
      "1",
      "invalid_argument",
      "invalid_argument",
      "2",
    ]);
  });

  test("gives a task the same fingerprint as by itself, and another one for another text", () => {
    const named = '{"type":"t","id":"x","payload":1}';
    const [item] = readTaskArray(Buffer.from(`[ ${named} ]`));
    const [line] = readTaskLines(Buffer.from(`  ${named}\r\n`));
    const fingerprint = read(`\n${named} `).fingerprint;
    expect(fingerprint).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(item?.ok && item.task.fingerprint).toBe(fingerprint);
    expect(line?.ok && line.task.fingerprint).toBe(fingerprint);
    expect(read('{"type":"t","id":"x","payload":1.0}').fingerprint).not.toBe(fingerprint);
  });

  test("of lines goes on after a line that is no JSON", () => {
    const items = readTaskLines(Buffer.from(`${good}\n{oops\n\n${good}\n`));
    expect(items.map((item) => item.ok || item.error.code)).toEqual([true, "invalid_json", true]);
  });

  test("takes 1,000 tasks in an array and refuses 1,001, and none", () => {
    const batch = (count: number) => Buffer.from(`[${Array.from({ length: count }, () => good).join(",")}]`);
    expect(readTaskArray(batch(1_000))).toHaveLength(1_000);
    expect(() => readTaskArray(batch(1_001))).toThrow("more than 1000");
    expect(() => readTaskArray(Buffer.from("[]"))).toThrow("empty");
    expect(readTaskLines(Buffer.from("\n \r\n"))).toEqual([]);
    expect(() => readTaskArray(Buffer.from("{}"))).toThrow("array");
  });

  test("reads the fields in any order and spacing, plain or not, alone or in an array", () => {
    const bodies = [
      '{"type":"t","payload":[1,"a\\"b",{}]}',
      ' { "payload" : {"type":"x"} , "type" : "t" } ',
      '{"payload":"]},{","type":"t"}',
      '{"\\u0074ype":"t","payload":1}',
      '{"type":"\\u0074","payload":1}',
      '{"type":"t","payload":1,"priority":"high"}',
    ];
    const items = readTaskArray(Buffer.from(`[${bodies.join(",\n")}]`));
    expect(items.map((item) => item.ok && item.task)).toEqual(bodies.map((body) => read(body)));
    expect(items.every((item) => item.ok && item.task.type === "t")).toBe(true);
    for (const broken of [
      '{"type":"t","payload":1}}',
      '{"type":"t","payload":"a',
      '{"type":"t" "payload":1}',
      '{"type":"t","payload":1',
      '{"type":"t","payload":"\t"}',
    ]) {
      expect(() => readTaskArray(Buffer.from(`[${good},${broken}]`))).toThrow("not valid JSON");
      expect(failure(broken).code).toBe("invalid_json");
    }
  });

  test("reads what begins like the task before it as it reads it alone, whatever follows", () => {
    const ends = [
      "1}",
      " 2 }",
      '"é"}',
      '1,"priority":"low"}',
      "{}}",
      '1,"payload":2}',
      '[{"a":"}"}] }',
      "null}",
    ];
    const huge = (character: string) =>
      `"${character.repeat(LIMITS.payloadBytes / Buffer.byteLength(character))}"}`;
    for (const more of [[], [huge("x")], [huge("é"), "3}"]]) {
      const bodies = ["0}", ...ends, ...more].map((end) => `{"type":"t","payload":${end}`);
      const alone = bodies.map((body) => {
        try {
          return readTask(Buffer.from(body));
        } catch (error) {
          return (error as HoldfastError).code;
        }
      });
      const items = readTaskArray(Buffer.from(`[${bodies.join(",")}]`));
      expect(
        items.map((item) => (item.ok ? { task: item.task, bytes: item.bytes } : item.error.code)),
      ).toEqual(alone);
    }
  });
});
