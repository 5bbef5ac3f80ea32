import { expect, test } from "vitest";
import { lineReader, linesOf, withId } from "./task-lines.ts";

test("lines are read correctly wherever the stream is cut into chunks", async () => {
  const text = "one\n\nzwölf\nlast";
  for (let size = 1; size <= 5; size++) {
    const bytes = Buffer.from(text);
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    const lines: string[] = [];
    for await (const line of linesOf(chunks as unknown as AsyncIterable<Buffer>)) lines.push(line.toString());
    expect(lines).toEqual(["one", "", "zwölf", "last"]);
  }
});

test("a line for a second attempt has the id of the first attempt", () => {
  const again = withId(Buffer.from(' {"type":"ok","payload":{"id":1}}'), "x1");
  expect(again.toString()).toBe(' {"id":"x1","ifEnded":"duplicate","type":"ok","payload":{"id":1}}');
  const { options } = lineReader.one(again);
  expect(options?.get(0)).toEqual({ id: "x1", ifEnded: "duplicate" });
});

test.each([
  ["{", "not valid JSON"],
  ["[]", "object"],
  ['{"payload":1}', 'the task needs a "type"'],
  ['{"type":"ok"}', 'the task needs a "payload"; use "payload":null for none'],
  ['{"type":"ok","payload":1,"fingerprint":"x"}', '"fingerprint" is not a field of a task'],
  ['{"type":"ok","payload":1,"\\u0074ype":"a"}', "twice"],
])("the line %s is refused", (line, message) => {
  expect(() => lineReader.one(Buffer.from(line))).toThrow(message);
});
