import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { taskViewOf } from "../../test/support/views.ts";
import { textFinder } from "./clause-matcher.ts";
import { bulkFilterOf, CompiledFilter, matcherOf, type TaskFilter } from "./filter.ts";

const task = taskViewOf({
  id: "id-7",
  type: "email.Send",
  state: "dead",
  deadReason: "fatal",
  signature: "abcdef012345",
  lastError: "TypeError: Order 7\n    at send (a.js:1)",
  tags: ["tenant:acme", "blue"],
  payloadText:
    '{"n":1e3,"big":12345678901234567890,"name":"Zoë (VIP)","items":[{"sku":"A-1"},{"sku":null}],"ok":true}',
  attempts: 3,
  key: "acme",
  enqueuedAt: 50,
  endedAt: 100,
  flow: { id: "order", name: "pay", waitsFor: 0, skippedBy: null },
});

const isMatch = (filter: TaskFilter) => matcherOf(filter, 10_000)(task);

describe("a filter", () => {
  test.each<TaskFilter>([
    {},
    { type: "email.Send", reason: "fatal" },
    { tag: "tenant:acme" },
    { flow: "order" },
    { signature: "abcdef012345" },
    { error: "order 7" },
    { error: "ORDER" },
    { query: "type:email.*", tag: "blue" },
    { q: "1e3" },
    { q: "BLU" },
    { q: "EMAIL.s" },
    { q: "ID-" },
    { q: "zoË (vip" },
    { from: 100, to: 101 },
  ])("%o matches", (filter) => expect(isMatch(filter)).toBe(true));

  test.each<TaskFilter>([
    { type: "email.send" },
    { type: "email.Send", reason: "no_handler" },
    { tag: "tenant:ac" },
    { flow: "ord" },
    { tag: "Tenant:acme" },
    { tag: "tenant:acme", q: "2e3" },
    { signature: "other" },
    { error: "order 8" },
    { q: "2e3" },
    { from: 101 },
    { to: 100 },
    { q: "1e3", type: "other" },
  ])("%o does not match, because all given fields have to match", (filter) =>
    expect(isMatch(filter)).toBe(false),
  );

  test.each<[object, string]>([
    [{ tags: "tenant:acme" }, 'the filter\'s field "tags" is not known; a filter may have query, type, tag,'],
    [{ Type: "t" }, '"Type" is not known'],
    [{ tag: "" }, '"tag" has to be a text that is not empty, got ""'],
    [{ q: 7 }, '"q" has to be a text that is not empty, got 7'],
    [{ type: null }, '"type" has to be a text'],
    [{ from: "2025-11-29" }, '"from" has to be a number of milliseconds'],
    [{ to: Number.NaN }, '"to" has to be a number of milliseconds'],
    [{ reason: "bored" }, '"reason" has to be one of retries_exhausted'],
    [{ query: 7 }, '"query" has to be a text, got 7'],
    [{ query: "tpye:mail" }, 'query: unknown field "tpye" at position 0: did you mean "type"?'],
  ])("%o is refused, and the error names the field", (filter, message) => {
    expect(() => matcherOf(filter, 0)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(() => matcherOf(filter, 0)).toThrow(message);
  });

  test("a filter with an undefined field or an empty query is refused for an action on all matches", () => {
    const unset = { tag: undefined } as unknown as TaskFilter;
    expect(isMatch(unset)).toBe(true);
    expect(() => bulkFilterOf(unset, 0)).toThrow("leave it out to mean every dead letter");
    expect(isMatch({ query: " " })).toBe(true);
    expect(() => bulkFilterOf({ query: " " }, 0)).toThrow('"query" is empty');
  });
});

describe("a query", () => {
  const now = 10_000;
  const finds = (query: string) => matcherOf({ query }, now)(task);

  test.each([
    "",
    "TYPE:EMAIL.*",
    "type:sms.*,email.send",
    "type==email.Send",
    "type~MAIL",
    "type:*mail*end",
    "id:id-7",
    "tag:TENANT:* tag:blue",
    "-tag:red",
    "key:ac*",
    "flow:order",
    "queue:*",
    "state:dead,completed reason:fatal -state:pending",
    "signature:abcdef*",
    "error:typeerror",
    "error:type*",
    'error:"order 7"',
    'error:"typeerror: order 7"',
    "error~send",
    "error~~Order -error~~order",
    'payload~"zoë ("',
    "payload~~1e3",
    "payload.n=1e3",
    "payload.n>=1000 payload.n<1001",
    "payload.big=12345678901234567890 payload.big>12345678901234567889",
    '-payload.big="12345678901234567890"',
    'payload.name:zoë* payload.name="Zoë (VIP)"',
    "payload.name~VIP -payload.name~~vip",
    "payload.items.0.sku=a-1 payload.items.*.sku=null",
    "payload.ok=true -payload.ok=false",
    "-payload.none:*",
    "attempts:3 attempts:>2 attempts:<=3 attempts:2..4",
    "priority:normal",
    "died:>9s died:<10s -completed:>0s",
    "died:9s..10s enqueued:>9.9s",
    "ended:<1970-01-02 time:1970-01-01",
    "order -missing",
    "ord*7",
  ])("%s matches", (query) => expect(finds(query)).toBe(true));

  test.each([
    "type:email",
    "type==email.send",
    "id:ID-7",
    "tag:tenant",
    "key:beta",
    "queue:nobody",
    "state:pending",
    "-reason:fatal",
    "signature:other",
    "error:order",
    "error~order error~none",
    "error~7*order",
    "payload.n=1000",
    'payload.n="1e3"',
    "payload.big=12345678901234567891",
    "payload.big>12345678901234567890",
    "payload.items:*",
    "payload.items.2.sku:*",
    "payload.name>1",
    "attempts:>3",
    "priority:high",
    "died:<9s",
    "completed:>0s",
    "due:>0s",
    "died:>=1970-01-02",
  ])("%s does not match", (query) => expect(finds(query)).toBe(false));

  test("a pattern with many wildcards takes a time that grows with the text only", () => {
    const long = taskViewOf({ id: "long", payloadText: JSON.stringify("a".repeat(200_000)) });
    expect(matcherOf({ query: "payload~a*a*a*a*a*a*a*a*a*a*b" }, now)(long)).toBe(false);
  });

  test("says which states, queues, ids and times are searched", () => {
    const of = (query: string) => new CompiledFilter({ query }, now);
    expect(of("state:dead,pending -state:pending").states).toEqual(["dead"]);
    expect(of("reason:fatal").states).toEqual(["dead"]);
    expect(of("due:<1h").states).toEqual(["scheduled"]);
    expect(of("-reason:fatal type:a").states).toHaveLength(7);
    expect(of("queue:mail*").admitsQueue("mail-2")).toBe(true);
    expect(of("queue:mail* -queue:mail-2").admitsQueue("mail-2")).toBe(false);
    expect(of("id:a,b type:c").ids).toEqual(["a", "b"]);
    for (const query of ["id:a*", "id~a", "-id:a", "a"]) expect(of(query).ids).toBeUndefined();
    expect(of("died:>2s died:<5s -died:>1s").spanOf("dead")).toEqual({ from: 5_000, to: 8_000 });
    expect(of("time:<5s").spanOf("scheduled")).toEqual({ from: 5_000 });
    expect(of("died:>2s").spanOf("completed")).toEqual({});
    expect(of("time:<5s").spanOf("pending")).toEqual({});
  });
});

test("any text is found in itself, whatever its case, even if it looks like a pattern", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: "grapheme", minLength: 1 })),
      fc.string(),
      (words, around) => {
        const find = textFinder(words);
        expect(find(around + words + around)).toBe(true);
        if (/^[\x20-\x7e]*$/.test(words + around)) {
          expect(find(around + words.toUpperCase())).toBe(true);
          expect(find(around.toLowerCase() + words.toLowerCase())).toBe(true);
          expect(find(around)).toBe(around.toLowerCase().includes(words.toLowerCase()));
        }
      },
    ),
  );
});
