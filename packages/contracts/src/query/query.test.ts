import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Clause, parseQuery, printQuery } from "./index.ts";

const clausesOf = (text: string) => {
  const parsed = parseQuery(text);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return parsed.clauses;
};
const problemOf = (text: string) => {
  const parsed = parseQuery(text);
  if (parsed.ok) throw new Error(`${text} is a query`);
  return parsed.problem;
};

test("a query is read as its clauses", () => {
  const text =
    'type:email.* tag:tenant:7 error~"timeout" payload.customer.id=42 died:>2h -reason:fatal "two words"';
  const either = { isPart: false, matchCase: false };
  expect(clausesOf(text)).toEqual([
    { not: false, kind: "text", field: "type", ...either, anyOf: [["email.", ""]] },
    { not: false, kind: "text", field: "tag", ...either, anyOf: [["tenant:7"]] },
    { not: false, kind: "text", field: "error", isPart: true, matchCase: false, anyOf: [["timeout"]] },
    {
      ...{ not: false, kind: "payload", path: ["customer", "id"] },
      ...{ ...either, anyOf: [{ text: ["42"], isString: false }] },
    },
    { not: false, kind: "time", field: "died", to: { in: -7_200_000 } },
    { not: true, kind: "choice", field: "reason", anyOf: ["fatal"] },
    { not: false, kind: "any", text: ["two words"] },
  ]);
});

test.each([
  ["", ""],
  ["  TYPE=mail   Created:>1d ", "type:mail enqueued:>1d"],
  ['type:"mail"', "type:mail"],
  ["type:a,b*", "type:a,b*"],
  ["type==Mail error~~Time", "type==Mail error~~Time"],
  ['tag:"a,b"', 'tag:"a,b"'],
  ['error:"connect ECONN"*', 'error:"connect ECONN"*'],
  ["id:Ab3 id==Ab3", "id:Ab3 id:Ab3"],
  ["state:DEAD,scheduled", "state:dead,scheduled"],
  ["attempts:>3 attempts<=5 attempts:2..4 attempts:7", "attempts:>=4 attempts:<=5 attempts:2..4 attempts:7"],
  ["died:<90m died:1h..2h due:<2h due:1h..2h", "died:<90m died:1h..2h due:<2h due:1h..2h"],
  ["died:120m..1h", "died:1h..2h"],
  ["died:2026-11-30", "died:2026-11-30"],
  ["died:>2026-11-30 died:<=2026-11-30", "died:>=2026-12-01 died:<2026-12-01"],
  ["died:2026-11-01..2026-11-30", "died:2026-11-01..2026-11-30"],
  ["ended:>=2026-11-30T14:05+02:00", "ended:>=2026-11-30T12:05:00.000Z"],
  ["time:>=1764500000000", "time:>=2025-11-30T10:53:20.000Z"],
  ["payload.n:12345678901234567890", "payload.n=12345678901234567890"],
  ['payload.items.*.sku="42"', 'payload.items.*.sku="42"'],
  ['payload."odd name".x=null', 'payload."odd name".x=null'],
  ['payload.a>=1e3 payload.b:<-2 payload~"a b"', 'payload.a>=1e3 payload.b<-2 payload~"a b"'],
  ["-timeout -payload.a=true", "-timeout -payload.a=true"],
  ['"type:mail" "OR" "-x" 12:30', '"type:mail" "OR" "-x" "12:30"'],
  ["a**b", "a*b"],
  ['a*""*b', "a*b"],
  ['*""*', "*"],
  ['"a \\" \\\\ b"', '"a \\" \\\\ b"'],
])("%s is written as %s", (text, written) => expect(printQuery(clausesOf(text))).toBe(written));

test.each([
  ["tpye:mail", 0, "tpye", 'unknown field "tpye" at position 0: did you mean "type"?'],
  ["type:a http://x", 7, "http", 'unknown field "http" at position 7: the fields are id, type,'],
  ["state:daed", 6, "daed", 'unknown state "daed" at position 6: did you mean "dead"?'],
  ["reason:bored", 7, "bored", "it is one of retries_exhausted,"],
  ["type:", 5, "", '"type" has no value at position 5: write type:value'],
  ["type:a, b", 7, "", "a value is missing at position 7"],
  ['type:"a b', 5, '"a b', 'the quote has no end at position 5: write another "'],
  ["type:>a", 0, "type:>a", '"type" is a text and has no order'],
  ["payload:x", 0, "payload:x", 'write payload~"text" or payload.path=value'],
  ["payload.a>x", 10, "x", '"x" is not a number at position 10'],
  ["attempts:many", 9, "many", '"many" is not a whole number at position 9: write attempts:3'],
  ["attempts:5..2", 9, "5..2", "write 2..5"],
  ["attempts:<0", 10, "0", "is not a whole number"],
  ["died:2h", 5, "2h", "write died:<2h or died:>2h"],
  ["died:2026-02-31", 5, "2026-02-31", '"2026-02-31" is not a time'],
  ["died:2h..2026-01-01", 5, "2h..2026-01-01", "is not a time"],
  ["died:2026-02-02..2026-02-01", 5, "2026-02-02..2026-02-01", "write 2026-02-01..2026-02-02"],
  ["died~2h", 0, "died~2h", '"died" has no operator "~"'],
  ["died:> type:a", 6, "", '"died" has no value'],
  ["a OR b", 2, "OR", 'type:a,b for "or"'],
  ['a ""', 2, '""', "an empty text"],
  ["a - b", 2, "-", 'nothing follows "-"'],
  ["x".repeat(2_001), 2_000, "x", "the query is too long"],
  ["x ".repeat(51), 100, "x", "too many clauses"],
])("%s is refused with the position and the remedy", (text, position, found, message) => {
  expect(problemOf(text)).toMatchObject({ position, found });
  expect(problemOf(text).message).toContain(message);
});

describe("properties", () => {
  const not = fc.boolean();
  const text = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.string({ unit: "grapheme", minLength: 1 }),
    fc.constantFrom("OR", "-a", "a:b", "a,b", "*", '"', "\\", "payload.", "<1", "true", "a b"),
  );
  const pattern = fc.oneof(
    text.map((piece) => [piece]),
    fc
      .tuple(
        fc.oneof(text, fc.constant("")),
        fc.array(text, { maxLength: 2 }),
        fc.oneof(text, fc.constant("")),
      )
      .map(([first, middle, last]) => [first, ...middle, last]),
  );
  const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });
  const range = (most: number) =>
    fc.tuple(fc.nat(most), fc.nat(most)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
  const moments = fc.oneof(
    range(Date.UTC(2300, 0)).map(([from = 0, to = 0]) => ({ from: { at: from }, to: { at: to + 1 } })),
    range(40_000).map(([from = 0, to = 0]) => ({
      from: { at: from * 86_400_000 },
      to: { at: (to + 1) * 86_400_000 },
    })),
  );
  const ends = <T extends { from: unknown; to: unknown }>(span: T) =>
    fc.constantFrom(span, { from: span.from }, { to: span.to });
  const agos = range(10_000_000_000).map(([near = 0, far = 0]) => ({
    from: { in: -far || 0 },
    to: { in: -near || 0 },
  }));
  const aheads = range(10_000_000_000).map(([near = 0, far = 0]) => ({
    from: { in: near },
    to: { in: far },
  }));
  const clause = fc.oneof(
    fc.record({ not, kind: fc.constant("any"), text: pattern }),
    fc
      .record({
        ...{
          not,
          kind: fc.constant("text"),
          isPart: fc.boolean(),
          matchCase: fc.boolean(),
          anyOf: some(pattern),
        },
        field: fc.constantFrom("id", "type", "tag", "queue", "key", "flow", "signature", "error", "payload"),
      })
      .map((one) => ({
        ...one,
        isPart: one.isPart || one.field === "payload",
        matchCase: one.field === "id" || one.matchCase,
      })),
    fc.record({
      ...{ not, kind: fc.constant("choice"), field: fc.constant("state") },
      anyOf: some(fc.constantFrom("dead", "pending", "completed")),
    }),
    range(1_000_000).chain(([from = 0, to = 0]) =>
      fc
        .record({ not, kind: fc.constant("number"), field: fc.constant("attempts") })
        .chain((base) => ends({ from, to }).map((span) => ({ ...base, ...span }))),
    ),
    fc
      .tuple(
        fc.record({ not, kind: fc.constant("time") }),
        fc.oneof(
          fc.tuple(fc.constantFrom("died", "due"), moments.chain(ends)),
          fc.tuple(fc.constantFrom("died", "time"), agos.chain(ends)),
          fc.tuple(fc.constant("due"), aheads.chain(ends)),
        ),
      )
      .map(([base, [field, span]]) => ({ ...base, field, ...span })),
    fc.record({
      ...{ not, kind: fc.constant("payload"), isPart: fc.boolean(), matchCase: fc.boolean() },
      path: some(fc.oneof(fc.constant(null), text, fc.constant(""))),
      anyOf: some(
        fc.oneof(
          fc.record({ text: pattern, isString: fc.constant(true) }),
          fc
            .constantFrom("42", "-1.5e9", "true", "null", "abc")
            .map((one) => ({ text: [one], isString: false })),
        ),
      ),
    }),
    fc.record({
      ...{ not, kind: fc.constant("compare"), op: fc.constantFrom(">", "<", ">=", "<=") },
      ...{ path: some(text), than: fc.constantFrom("1", "-2.5", "1e3", "12345678901234567890") },
    }),
  ) as fc.Arbitrary<Clause>;

  test("a query that was written is read as the same clauses", () => {
    fc.assert(
      fc.property(fc.array(clause, { maxLength: 4 }), (clauses) => {
        const written = printQuery(clauses);
        fc.pre(written.length <= 2_000);
        expect(clausesOf(written)).toEqual(clauses);
      }),
    );
  });

  test("any text is a query or has a problem within the text, and writing it twice changes nothing", () => {
    const parts = fc.constantFrom(
      ...[
        "type",
        "payload",
        ".a",
        ":",
        "=",
        "~",
        "<",
        ">",
        "-",
        '"',
        "*",
        ",",
        " ",
        "2h",
        "..",
        "state",
        "died",
        "x",
      ],
    );
    const written = fc.oneof(
      fc.string(),
      fc.array(parts, { maxLength: 12 }).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(written, (text) => {
        const parsed = parseQuery(text);
        if (!parsed.ok) {
          expect(parsed.problem.position).toBeLessThanOrEqual(text.length);
          expect(parsed.problem.remedy).not.toBe("");
          return;
        }
        const printed = printQuery(parsed.clauses);
        expect(clausesOf(printed)).toEqual(parsed.clauses);
        expect(printQuery(clausesOf(printed))).toBe(printed);
      }),
      { numRuns: 500 },
    );
  });
});
