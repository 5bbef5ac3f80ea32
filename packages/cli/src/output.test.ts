import fc from "fast-check";
import { expect, test } from "vitest";
import { Output, printable, printableJson } from "./output.ts";

// Characters that a terminal takes as commands, and marks that reverse or hide text.
const DANGEROUS = [
  "\u009b2J",
  "\u0085",
  "\u007f",
  "\u202e",
  "\u2066",
  "\u200f",
  "\u061c",
  "\u200b",
  "\u2028",
  "\ufeff",
];
const isDangerous = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for these characters
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/.test(text);

function written(format: "json" | "ndjson" | "table", print: (out: Output) => void): string {
  let text = "";
  const stream = { write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WritableStream;
  print(new Output(stream, stream, format));
  return text;
}

test.each(["json", "ndjson", "table"] as const)(
  "foreign text cannot send commands to the terminal: %s",
  (format) => {
    for (const payload of DANGEROUS) {
      const texts = [
        written(format, (out) => out.list([{ payload }], [{ title: "PAYLOAD", cell: (row) => row.payload }])),
        written(format, (out) => out.record({ payload }, [["payload", payload]])),
        written(format, (out) => out.say(payload)),
      ];
      for (const text of texts)
        expect([JSON.stringify(payload), isDangerous(text)]).toEqual([JSON.stringify(payload), false]);
    }
  },
);

test("the JSON has the same value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
      const whole = { value, text, [text]: DANGEROUS };
      expect(JSON.parse(printableJson(whole))).toEqual(JSON.parse(JSON.stringify(whole)));
      expect(isDangerous(printableJson(whole, 2))).toBe(false);
      expect(isDangerous(printable(text))).toBe(false);
    }),
  );
});
