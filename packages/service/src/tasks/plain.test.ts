import { LIMITS } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readPlainTasks } from "./plain.ts";
import { readTaskArray } from "./read.ts";

/** What a batch was read as, in the form that the long way gives. */
function short(body: Buffer) {
  const tasks = readPlainTasks(body);
  return tasks?.types.map((type, place) => {
    const [start, end] = tasks.spans.slice(2 * place);
    const payloadText = body.toString("utf8", start, end);
    return { ok: true, task: { type, payloadText }, bytes: Buffer.byteLength(payloadText) };
  });
}

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
  '{"type":"t t","payload":1}',
  '{"type":"t"}',
  '{"payload":1}',
  "{}",
  "1",
  '"t"',
  `{"type":"t","payload":${"[".repeat(65)}${"]".repeat(65)}}`,
);

test("reads a batch of plain tasks as the long way does", () => {
  fc.assert(
    fc.property(fc.array(plainItem, { minLength: 1, maxLength: 8 }), space, (items, end) => {
      const body = Buffer.from(`${end}[${items.join(",")}${end}]${end}`);
      expect(short(body)).toEqual(readTaskArray(body));
    }),
    { numRuns: 500 },
  );
});

test("leaves a batch with any other task to the long way", () => {
  fc.assert(
    fc.property(fc.array(plainItem, { maxLength: 4 }), otherItem, fc.nat(), (items, other, seed) => {
      items.splice(seed % (items.length + 1), 0, other);
      expect(readPlainTasks(Buffer.from(`[${items.join(",")}]`))).toBeUndefined();
    }),
  );
});

test("what it reads with one character changed is what the long way reads", () => {
  const item = '{"type":"t","payload":{"a":"é, and more than sixteen bytes"}}';
  const text = `[${item},${item}, ${item}]`;
  for (let at = 0; at <= text.length; at++) {
    for (const change of ["", " ", '"', ",", "]", "}", "\\", "\n", "0", "é"]) {
      const body = Buffer.from(text.slice(0, at) + change + text.slice(at + 1));
      const tasks = short(body);
      if (tasks !== undefined) expect(tasks).toEqual(readTaskArray(body));
    }
  }
});

test.each([
  ["nothing", ""],
  ["an empty array", "[]"],
  ["no array", '{"type":"t","payload":1}'],
  ["an array that does not end", '[{"type":"t","payload":1}'],
  ["an array and more", '[{"type":"t","payload":1}]1'],
  ["a comma at the end", '[{"type":"t","payload":1},]'],
  ["a byte-order mark", '\ufeff[{"type":"t","payload":1}]'],
  [
    "more tasks than a batch has",
    `[${Array(LIMITS.batchTasks + 1)
      .fill('{"type":"t","payload":1}')
      .join(",")}]`,
  ],
  ["a payload over the limit", `[{"type":"t","payload":"${"é".repeat(LIMITS.payloadBytes / 2)}"}]`],
])("leaves %s to the long way", (_name, text) => {
  expect(readPlainTasks(Buffer.from(text))).toBeUndefined();
});

test("leaves bytes that are no UTF-8 to the long way, and takes as many tasks as a batch has", () => {
  const item = '{"type":"t","payload":"é"}';
  expect(readPlainTasks(Buffer.from(`[${item}]`, "latin1"))).toBeUndefined();
  const full = Buffer.from(`[${Array(LIMITS.batchTasks).fill(item).join(",")}]`);
  expect(readPlainTasks(full)?.types).toHaveLength(LIMITS.batchTasks);
});
