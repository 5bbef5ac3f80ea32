import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import { type ReadTasks, type TaskColumns, TaskReader } from "./task-json.ts";

/** A reader that accepts any options, but requires a type and a payload. */
function setup(longestLine?: number) {
  return new TaskReader(({ fields, hasPayload }) => {
    const { type, ...options } = fields;
    if (typeof type !== "string" || !hasPayload)
      throw new HoldfastError("invalid_argument", "a field is missing");
    return { type, options: Object.keys(options).length === 0 ? undefined : options };
  }, longestLine);
}

const payloadsOf = ({ bytes, spans }: TaskColumns) =>
  Array.from({ length: spans.length / 2 }, (_, place) =>
    bytes.toString("utf8", spans[2 * place], spans[2 * place + 1]),
  );

/** Lists the tasks of a body: type, payload and options, or the error code of a refused task. */
function told({ tasks, refused, count }: ReadTasks) {
  const payloads = payloadsOf(tasks);
  let next = 0;
  return Array.from({ length: count }, (_, place) => {
    const error = refused?.get(place);
    if (error !== undefined) return error.code;
    const at = next++;
    return [tasks.types[at], payloads[at], ...(tasks.options?.has(at) ? [tasks.options.get(at)] : [])];
  });
}

const readArray = (text: string) => told(setup().array(Buffer.from(text)));

/** Reads one task with a new reader. */
function alone(text: string) {
  try {
    const tasks = setup().one(Buffer.from(text));
    return [tasks.types[0], payloadsOf(tasks)[0], ...(tasks.options ? [tasks.options.get(0)] : [])];
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

const good = '{"type":"t","payload":1}';

describe("a task", () => {
  test.each([
    "12345678901234567890",
    '{ "b":1,  "a":1.0 }',
    '"\\u00e9\\ud800"',
    "null",
    "-0",
    '{"a":1,"a":2}',
    '"é😀\u2028"',
  ])("keeps the payload %s to the byte, with options and without", (payload) => {
    expect(alone(`{"type":"t", "payload": ${payload} , "maxRetries":0}`)).toEqual([
      "t",
      payload,
      { maxRetries: 0 },
    ]);
    expect(alone(`\ufeff {"type":"t", "payload": ${payload} } `)).toEqual(["t", payload]);
  });

  test.each([
    "",
    "{",
    '{"type":"t","payload":1}x',
    '{"type":"t","payload":1,"delayMs":1}x',
    "1x",
    "{'type':'t'}",
    '{"type":"t","payload":01}',
    '{"type":"t","payload":NaN}',
    '{"type":"t" "payload":1}',
    '{"type":"t","payload":"\t"}',
    '{"type":"t","payload":1,"delayMs":}',
  ])("is refused as invalid JSON: %j", (text) => expect(alone(text)).toBe("invalid_json"));

  test("is refused if it is not an object, or names a field twice", () => {
    for (const text of ["[]", "1", '"x"', "null"]) expect(alone(text)).toBe("invalid_argument");
    const twice = '{"type":"a","payload":1,"type":"b"}';
    expect(() => setup().one(Buffer.from(twice))).toThrow('the field "type" occurs twice');
    expect(alone('{"payload":1,"type":"a","payload":2}')).toBe("invalid_json");
    expect(() => setup().one(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow("UTF-8");
  });

  test("shows every field to the check, __proto__ among them", () => {
    const seen: string[][] = [];
    const reader = new TaskReader(({ fields, text }) => {
      seen.push(Object.keys(fields), [text.toString()]);
      return { type: "t", options: undefined };
    });
    const task = '{"type":"t","payload":1,"__proto__":{"id":"x"}}';
    reader.array(Buffer.from(`[ ${task} ]`));
    expect(seen).toEqual([["type", "__proto__"], [task]]);
  });

  test("has a payload of at most the limit, however it is written", () => {
    const body = (bytes: number, more: string) =>
      `{"type":"t","payload":"${"é".repeat((bytes - 2) / 2)}"${more}}`;
    for (const more of ["", ',"delayMs":1']) {
      expect(alone(body(LIMITS.payloadBytes, more))[0]).toBe("t");
      expect(alone(body(LIMITS.payloadBytes + 2, more))).toBe("payload_too_large");
    }
    const deep = (depth: number, more: string) =>
      `{"type":"t","payload":${"[".repeat(depth)}${"]".repeat(depth)}${more}}`;
    for (const more of ["", ',"delayMs":1']) {
      expect(alone(deep(64, more))[0]).toBe("t");
      expect(alone(deep(65, more))).toBe("payload_too_deep");
    }
  });
});

describe("an array of tasks", () => {
  test("keeps the order and gives each bad task its own error", () => {
    const items = readArray(
      `[${good},{"type":"t"},3,{"type":"t","payload":2,"id":"a"},{"payload":3,"type":"b"}]`,
    );
    expect(items).toEqual([
      ["t", "1"],
      "invalid_argument",
      "invalid_argument",
      ["t", "2", { id: "a" }],
      ["b", "3"],
    ]);
  });

  test("is refused as a whole if the array itself is wrong", () => {
    const many = (count: number) => `[${Array.from({ length: count }, () => good).join(",")}]`;
    expect(readArray(many(LIMITS.batchTasks))).toHaveLength(LIMITS.batchTasks);
    expect(() => readArray(many(LIMITS.batchTasks + 1))).toThrow("more than 1000");
    expect(() => readArray("[]")).toThrow("empty");
    expect(() => readArray(good)).toThrow("array");
    for (const text of ["", `[${good}`, `[${good}]1`, `[${good},]`, `[${good},{"type":"t","payload":1}}]`])
      expect(() => readArray(text)).toThrow("not valid JSON");
    expect(() => setup().array(Buffer.from(`[{"type":"t","payload":"é"}]`, "latin1"))).toThrow("UTF-8");
    expect(readArray(`\ufeff[${good}]`)).toEqual([["t", "1"]]);
  });

  test("reads a task that begins like the one before as it reads the task alone, whatever follows", () => {
    const huge = (character: string) =>
      `"${character.repeat(LIMITS.payloadBytes / Buffer.byteLength(character))}"}`;
    const ends = [
      "0}",
      "1}",
      " 2 }",
      '"é"}',
      '1,"priority":"low"}',
      "{}}",
      '1,"payload":2}',
      '[{"a":"}"}] }',
      "null}",
      huge("x"),
      huge("é"),
      "3}",
    ];
    const bodies = ends.map((end) => `{"type":"t","payload":${end}`);
    expect(readArray(`[${bodies.join(",")}]`)).toEqual(bodies.map(alone));
  });

  const space = fc.constantFrom("", "", " ", "\n\t", "\r\n");
  const plainItem = fc
    .tuple(
      fc.constantFrom("t", "a/b:c.d", "Mail-1"),
      fc.json({ maxDepth: 3 }),
      fc.array(space, { minLength: 9, maxLength: 9 }),
    )
    .map(
      ([type, payload, s]) =>
        `${s[0]}{${s[1]}"type"${s[2]}:${s[3]}"${type}"${s[4]},${s[5]}"payload"${s[6]}:${s[7]}${payload}${s[8]}}`,
    );
  const otherItem = fc.constantFrom(
    '{"payload":1,"type":"t"}',
    '{"type":"t","payload":1,"id":"a"}',
    '{"type":"t","payload":1,"payload":2}',
    '{"type":"t","type":"t","payload":1}',
    '{"type":"","payload":1}',
    '{"type":"\\u0074","payload":1}',
    '{"\\u0074ype":"t","payload":1}',
    '{"type":"t t","payload":1}',
    '{"type":"t"}',
    '{"payload":1}',
    "{}",
    "1",
    '"t"',
  );

  test("is read as JSON.parse reads it, and as each task is read alone", () => {
    const item = fc.oneof({ weight: 3, arbitrary: plainItem }, otherItem);
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 8 }), space, (items, end) => {
        const text = `${end}[${items.join(",")}${end}]${end}`;
        const read = readArray(text);
        expect(read).toEqual(items.map(alone));
        const values = JSON.parse(text) as { type?: unknown; payload?: unknown }[];
        for (const [place, task] of read.entries()) {
          if (typeof task === "string") continue;
          expect([task[0], JSON.parse(task[1] as string)]).toEqual([
            values[place]?.type,
            values[place]?.payload,
          ]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("with one character changed is read as JSON.parse reads it, or refused if JSON.parse refuses it", () => {
    const item = '{"type":"t","payload":{"a":"é, and more than sixteen bytes"}}';
    const text = `[${item},${item}, ${item}]`;
    for (let at = 0; at <= text.length; at++) {
      for (const change of ["", " ", '"', ",", "]", "}", "\\", "\n", "0", "é"]) {
        const changed = text.slice(0, at) + change + text.slice(at + 1);
        let values: { type?: unknown; payload?: unknown }[] | undefined;
        try {
          values = JSON.parse(changed);
        } catch {
          expect(() => readArray(changed)).toThrow("not valid JSON");
          continue;
        }
        for (const [place, task] of readArray(changed).entries()) {
          if (typeof task !== "string")
            expect([task[0], JSON.parse(task[1] as string)]).toEqual([
              values?.[place]?.type,
              values?.[place]?.payload,
            ]);
        }
      }
    }
  });
});

describe("lines", () => {
  const readLines = (text: string, longest?: number) => told(setup(longest).lines(Buffer.from(text)));

  test("are read separately, and empty lines are skipped", () => {
    const named = '{"type":"t","id":"x","payload":"é"}';
    const lines = [
      good,
      "{oops",
      "",
      " \r",
      `${good} x`,
      `${named} x`,
      `  ${named}\r`,
      `\ufeff${good}`,
      `${good},`,
    ];
    expect(readLines(lines.join("\n"))).toEqual([
      ["t", "1"],
      "invalid_json",
      "invalid_json",
      "invalid_json",
      ["t", '"é"', { id: "x" }],
      ["t", "1"],
      "invalid_json",
    ]);
    expect(readLines("\n \r\n")).toEqual([]);
  });

  test("a line that is too long, or not UTF-8, is refused alone", () => {
    expect(readLines(`${good}\n${good.replace("1", "1234567")}\n${good}`, good.length)).toEqual([
      ["t", "1"],
      "payload_too_large",
      ["t", "1"],
    ]);
    const bytes = Buffer.concat([Buffer.from(`${good}\n"`), Buffer.from([0xff]), Buffer.from(`"\n${good}`)]);
    expect(told(setup().lines(bytes))).toEqual([["t", "1"], "invalid_json", ["t", "1"]]);
  });

  test("positions in messages count from the beginning of the line", () => {
    const { refused } = setup().lines(Buffer.from(`${good}\n{"type":"t","payload":}`));
    expect(refused?.get(1)?.message).toContain('found "}" at position 22');
  });
});
