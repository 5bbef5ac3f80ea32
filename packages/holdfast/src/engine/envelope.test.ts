import { HoldfastError, LIMITS, type TaskOptions } from "@holdfast/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bandOf,
  decodeEnvelope,
  decodeEnvelopeForDisplay,
  decodeHeader,
  encodeEnvelope,
  UNREADABLE_TYPE,
} from "./envelope.ts";

const AT = 1_800_000_000_000;

const taskType = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,30}$/);
const text = fc.string({ unit: "grapheme" });
const tag = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
const millis = fc.nat({ max: LIMITS.delayMs });
const backoff = fc.record(
  {
    kind: fc.constantFrom("fixed", "exponential"),
    baseMs: fc.nat({ max: 86_400_000 }),
    maxMs: fc.nat({ max: 86_400_000 }),
    jitter: fc.constantFrom("full", "none"),
  },
  { requiredKeys: ["kind", "jitter"] },
);
const unique = fc
  .tuple(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
    fc.constantFrom(
      { scope: "unfinished", onConflict: "existing" } as const,
      { scope: "waiting", onConflict: "reject" } as const,
      { scope: "window", windowMs: 5, onConflict: "existing" } as const,
      { scope: "unfinished", onConflict: "replace" } as const,
      { scope: "waiting", onConflict: "debounce", maxWaitMs: 7 } as const,
      { scope: "unfinished", onConflict: "keepLatest" } as const,
    ),
  )
  .map(([key, terms]) => ({ key, ...terms }));
const plainOptions = fc.record(
  {
    priority: fc.constantFrom("high", "normal", "low"),
    maxRetries: fc.nat({ max: 100 }),
    timeoutMs: fc.integer({ min: 1, max: LIMITS.timeoutMs }),
    expiresAt: fc.integer({ min: 1, max: 8.64e15 }),
    backoff,
    tags: fc.array(tag, { maxLength: 16 }),
    keepPayload: fc.boolean(),
    keep: fc.record(
      {
        completedMs: fc.nat({ max: LIMITS.keepMs }),
        deadMs: fc.integer({ min: 1, max: LIMITS.keepMs }),
        count: fc.integer({ min: 1, max: LIMITS.keepCount }),
      },
      { requiredKeys: ["completedMs"] },
    ),
    key: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
    cost: fc.integer({ min: 1, max: LIMITS.cost }),
    unique,
  },
  { requiredKeys: [] },
);
const when = fc.oneof(
  fc.constant({}),
  millis.map((delayMs) => ({ delayMs })),
  fc.nat({ max: 8.64e15 }).map((runAt) => ({ runAt })),
);
const fingerprint = fc.option(fc.stringMatching(/^[A-Za-z0-9_.-]{1,22}$/), { nil: undefined });

test.each([1, null])("decoding the envelope of a scheduled task returns its occurrence: run %j", (run) => {
  const occurrence = { id: "nightly.1", run, dueAt: AT };
  const envelope = encodeEnvelope("t", AT, "1", { priority: "low" }, "print", undefined, occurrence);
  expect(decodeEnvelope(envelope)).toMatchObject({
    schedule: occurrence,
    fingerprint: "print",
    priority: "low",
  });
  // This call uses the options that the first call has cached.
  expect(decodeEnvelope(envelope).schedule).toEqual(occurrence);
});

test("decoding returns what was encoded, the payload byte for byte", () => {
  fc.assert(
    fc.property(
      taskType,
      fc.nat({ max: 8.64e15 }),
      text,
      fc.option(plainOptions, { nil: undefined }),
      when,
      fingerprint,
      (type, enqueuedAt, payloadText, plain, due, print) => {
        const options = (plain ? { ...plain, ...due } : undefined) as TaskOptions | undefined;
        const decoded = decodeEnvelope(encodeEnvelope(type, enqueuedAt, payloadText, options, print));
        expect(decoded).toEqual({
          type,
          enqueuedAt,
          payloadText,
          priority: options?.priority ?? "normal",
          maxRetries: options?.maxRetries ?? null,
          timeoutMs: options?.timeoutMs ?? null,
          backoff: options?.backoff ?? null,
          expiresAt: options?.expiresAt ?? null,
          delayMs: options?.delayMs ?? null,
          runAt: options?.runAt ?? null,
          tags: options?.tags ?? [],
          key: options?.key ?? null,
          cost: options?.cost ?? 1,
          unique: options?.unique ? { windowMs: null, maxWaitMs: null, ...options.unique } : null,
          schedule: null,
          fingerprint: print ?? null,
          keepPayload: options?.keepPayload ?? true,
          keep: options?.keep ?? null,
          traceparent: null,
          tracestate: null,
          caller: null,
        });
      },
    ),
  );
});

test("the first byte is the kind: @ scheduled, + with options, . without options", () => {
  const flag = (options?: TaskOptions, print?: string) => encodeEnvelope("t", AT, "1", options, print)[0];
  expect(flag()).toBe(".");
  expect(flag({})).toBe(".");
  expect(flag({ priority: "normal", tags: [] })).toBe(".");
  expect(flag({ maxRetries: 0 })).toBe("+");
  expect(flag(undefined, "print")).toBe("+");
  expect(flag({ delayMs: 0 })).toBe("@");
  expect(flag({ runAt: 1, priority: "high" }, "print")).toBe("@");
});

test.each([
  ["", "nothing"],
  ["\n", "a newline alone"],
  ['{"a":"x"}\n.t 1\n@evil 2 d=0\n', "newlines that look like headers"],
  [" h=other p=h m=0", "what looks like options"],
  ["12345678901234567890", "a number beyond doubles"],
  ["\u0000\u{1f600}\r\n\ufeff", "control characters, emoji, BOM"],
])("a payload of %j (%s) stays as it is, with and without options", (payloadText) => {
  for (const options of [undefined, { priority: "high", tags: ["a"] }] as const) {
    const envelope = encodeEnvelope("t", AT, payloadText, options as TaskOptions | undefined);
    expect(decodeEnvelope(envelope).payloadText).toBe(payloadText);
    // The scripts read only the first line, so the payload must not change it.
    expect(envelope.slice(0, envelope.indexOf("\n"))).not.toContain("evil");
  }
});

test("tags keep spaces, commas, equals signs, newlines and letters of every alphabet", () => {
  const tags = ["a b", "a,b", "a=b", " p=h", "日本 😀", "%2C", "line\nbreak"];
  const envelope = encodeEnvelope("t", AT, "1", { tags });
  expect(decodeEnvelope(envelope)).toMatchObject({ tags, priority: "normal", payloadText: "1" });
});

describe("a record that is not a task throws", () => {
  test.each([
    ["", "empty"],
    [".t abc", "no payload"],
    ["t abc\n1", "no flag"],
    ["?t abc\n1", "unknown flag"],
    [".\n1", "no type"],
    [". abc\n1", "empty type"],
    [".t\n1", "no time"],
    [".t ?\n1", "no number for a time"],
    ["+t abc m=many\n1", "no number for an option"],
    ['{"id":1}\n', "JSON"],
  ])("%j: %s", (record) => {
    expect(() => decodeEnvelope(record)).toThrow(HoldfastError);
    expect(decodeEnvelopeForDisplay(record)).toMatchObject({
      type: UNREADABLE_TYPE,
      payloadText: record,
    });
  });

  test("a header without a payload is read the same", () => {
    expect(decodeHeader("+t 1 p=l")).toMatchObject({ type: "t", enqueuedAt: 1, priority: "low" });
    expect(() => decodeHeader("no header")).toThrow(/cannot be read/);
  });
});

test("options that equal the options of the last task are not parsed again, and mean the same", () => {
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const texts = [
    " m=2 b=f,0,,n",
    " m=2 b=f,0,,n",
    " p=h m=2",
    " p=l t=5 e=7 k=0 h=abc",
    " m=2 g=one,two",
    ` m=2 w=${trace} v=a%3D1`,
    " v=a%3D1",
    ` m=3 d=5 h=${"x".repeat(100)}`,
    " m=2",
  ];
  let at = 0;
  for (const text of [...texts, ...texts, ...texts.flatMap((twice) => [twice, twice])]) {
    const header = `${text.includes(" d=") ? "@" : "+"}t${at} ${(1_000 + at++).toString(36)}${text}`;
    expect(decodeEnvelope(`${header}\n${at}`)).toEqual(decodeHeader(header, `${at}`));
  }
  const [first, second] = [1, 2].map((n) => decodeEnvelope(`+t ${n} g=x\n1`).tags);
  expect(first).not.toBe(second);
});

test("the band follows the priority, unless the task is scheduled", () => {
  expect(bandOf(undefined)).toBe("normal");
  expect(bandOf({})).toBe("normal");
  expect(bandOf({ priority: "low" })).toBe("low");
  expect(bandOf({ priority: "high", delayMs: 0 })).toBe("scheduled");
  expect(bandOf({ runAt: 1 })).toBe("scheduled");
});
