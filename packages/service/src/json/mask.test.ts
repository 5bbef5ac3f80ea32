import { CUT_MARK, LIMITS } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMasker, maskJson, parsePointers } from "./mask.ts";

const masked = (text: string, ...pointers: string[]) => maskJson(text, parsePointers(pointers));

test.each([
  [
    '{"card":{"number":"4111","cvc":123},"n":1}',
    ["/card/number"],
    '{"card":{"number":"***","cvc":123},"n":1}',
  ],
  ['{"card":{"number":"4111","cvc":123}}', ["/card/*"], '{"card":{"number":"***","cvc":"***"}}'],
  ['{ "card" : { "number" :[1, {"a":2}] } }', ["/card"], '{ "card" : "***" }'],
  ['[{"k":1},{"k":2,"j":3}]', ["/*/k"], '[{"k":"***"},{"k":"***","j":3}]'],
  ["[10,20,30]", ["/1"], '[10,"***",30]'],
  ['{"a":12345678901234567890,"b":1.0e0}', ["/b"], '{"a":12345678901234567890,"b":"***"}'],
  ['{"\\u0063ard":1}', ["/card"], '{"\\u0063ard":"***"}'],
  ['{"a/b":1,"m~n":2}', ["/a~1b", "/m~0n"], '{"a/b":"***","m~n":"***"}'],
  ['{"a":1,"a":2}', ["/a"], '{"a":"***","a":"***"}'],
  ['{"a":{"b":1}}', ["/a", "/a/b"], '{"a":"***"}'],
  ['{"card":"plain"}', ["/card/*"], '{"card":"plain"}'],
  ['{"*":1,"b":2}', ["/*"], '{"*":"***","b":"***"}'],
  ["not json", ["/a"], '"***"'],
  ['{"a":1} x', ["/b"], '{"a":1} x'],
  ["7", ["/a"], "7"],
])("%s with %j is %s", (text, pointers, expected) => {
  expect(masked(text, ...pointers)).toBe(expected);
});

test("values without a pointer keep every character, and a masked value is nowhere in the text", () => {
  const secret = fc.constant("S3CRET-canary");
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })),
      secret,
      fc.nat(3),
      (object, value, indent) => {
        const without = JSON.stringify(object, null, indent);
        expect(masked(without, "/not/there")).toBe(without);
        const text = JSON.stringify(
          { ...object, card: { ...object, deep: [value, { value }] } },
          null,
          indent,
        );
        const answer = masked(text, "/card/*");
        expect(answer).not.toContain(value);
        expect(JSON.parse(answer)).toMatchObject({ card: { deep: "***" } });
      },
    ),
  );
});

test("a text that is nested too deeply is masked as a whole", () => {
  expect(masked(`{"a":${"[".repeat(5_000)}`, "/a/*")).toBe('"***"');
});

test("an error, a log line and the progress that quote a masked value are masked, but ids are not", () => {
  const task = {
    id: "4111111111111111",
    queue: "q",
    payloadText: '{"card":{"number":"4111111111111111","big":12345678901234567890},"n":7}',
    resultText: '{"card":"4111111111111111"}',
    lastError: "Error: card 4111111111111111 refused",
    progress: "at 12345678901234567890",
    log: ["charging 4111111111111111", "n is 7"],
    history: [{ attempt: 1, error: "Error: 4111111111111111" }],
  };
  const answer = createMasker(parsePointers(["/card/*", "/card"]))({ tasks: [task], cursor: null });
  expect(answer).toEqual({
    cursor: null,
    tasks: [
      {
        id: "4111111111111111",
        queue: "q",
        payloadText: '{"card":"***","n":7}',
        resultText: '{"card":"***"}',
        lastError: "Error: card *** refused",
        progress: "at ***",
        log: ["charging ***", "n is 7"],
        history: [{ attempt: 1, error: "Error: ***" }],
      },
    ],
  });
  expect(createMasker(parsePointers(["/card"]))(answer)).toEqual(answer);
});

const CARD = "4929130020415581";
const maskTask = (fields: object) =>
  createMasker(parsePointers(["/card"]))({
    payloadText: JSON.stringify({ card: CARD }),
    ...fields,
  }) as Record<string, unknown>;

test("if an error was cut within a masked value, the beginning of the value is masked too", () => {
  for (let kept = 1; kept < CARD.length; kept++) {
    const cut = `Error: refused ${CARD.slice(0, kept)}${CUT_MARK}`;
    const answer = maskTask({
      lastError: `${cut}\nCaused by: ${cut}`,
      log: [cut],
      progress: cut,
      history: [{ error: cut }],
    });
    const masked = `Error: refused ***${CUT_MARK}`;
    expect(answer).toMatchObject({
      lastError: `${masked}\nCaused by: ${masked}`,
      log: [masked],
      progress: masked,
      history: [{ error: masked }],
    });
    // Older versions of Holdfast cut long errors without the mark "… (cut)". So a text of the full length may end
    // within a secret.
    const old = `${"x".repeat(LIMITS.errorCharacters - kept)}${CARD.slice(0, kept)}`;
    expect(maskTask({ lastError: old }).lastError).toBe(`${"x".repeat(LIMITS.errorCharacters - kept)}***`);
  }
});

test("if the cut may be in several values, the longest beginning is masked, and other text stays", () => {
  const mask = createMasker(parsePointers(["/a", "/b"]));
  const payloadText = JSON.stringify({ a: "xabc-long", b: "abc-other" });
  expect(mask({ payloadText, lastError: `of xabc-${CUT_MARK}` })).toMatchObject({
    lastError: `of ***${CUT_MARK}`,
  });
  const whole = { payloadText, lastError: "no cut, so this is no beginning: xab", log: [`plain${CUT_MARK}`] };
  expect(mask(whole)).toMatchObject({ lastError: whole.lastError, log: whole.log });
});

test("wherever the cut is, no four characters from the beginning of a value are left", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 5 }),
      fc.nat(30),
      fc.string({ maxLength: 40 }),
      (secret, at, before) => {
        const quoted = `${before.replaceAll(secret.slice(0, 4), "")}|${secret}`;
        const cut = quoted.slice(0, before.length + 1 + (at % secret.length)) + CUT_MARK;
        const mask = createMasker(parsePointers(["/s"]));
        const { lastError } = mask({ payloadText: JSON.stringify({ s: secret }), lastError: cut }) as {
          lastError: string;
        };
        const kept = cut.slice(0, -CUT_MARK.length).slice(quoted.indexOf("|") + 1);
        if (kept.length < 4 || !secret.startsWith(kept)) return;
        expect(lastError.split("|").at(-1)).toBe(`***${CUT_MARK}`);
      },
    ),
    {
      examples: [
        ["     ", 29, ""],
        ["pin: 123456, again", 14, ""],
      ],
    },
  );
});

test("a value that JSON escapes is also masked in its escaped form", () => {
  const secret = 'say "when"\nnow';
  const payloadText = JSON.stringify({ card: secret });
  const progress = JSON.stringify({ at: secret });
  expect(maskTask({ payloadText, progress }).progress).toBe('{"at":"***"}');
});

test("a text that is not a pointer is refused", () => {
  for (const text of ["card", "", "/a~2b", "/a~"])
    expect(() => parsePointers([text])).toThrow("not a JSON pointer");
});
