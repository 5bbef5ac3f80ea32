import { HoldfastError } from "@holdfast/contracts";
import { describe, expect, it, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "../engine/envelope.ts";
import { decodeRecord, tracedError } from "../engine/record.ts";
import { taskShape } from "../engine/task-options.ts";
import { checkShape } from "../options/shape.ts";
import { isSampled, isTraceparent, traceContextOf, traceIdOf, traceOf } from "./trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;

describe("the headers of a request", () => {
  it("contain the context as it was sent", () => {
    expect(traceContextOf({ traceparent, tracestate: "a=1,b=2" })).toEqual({
      traceparent,
      tracestate: "a=1,b=2",
    });
    expect(traceContextOf({ traceparent })).toEqual({ traceparent });
  });

  it("of a later version are read as far as this version knows them", () => {
    expect(traceContextOf({ traceparent: `cc${traceparent.slice(2)}-what-comes` })).toEqual({ traceparent });
  });

  it.each([
    "",
    "00",
    `${traceparent}-more`,
    traceparent.toUpperCase(),
    `ff${traceparent.slice(2)}`,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `${traceparent}, ${traceparent}`,
  ])("are ignored if they contain no context: %j", (text) => {
    expect(traceContextOf({ traceparent: text, tracestate: "a=1" })).toBeUndefined();
    expect(isTraceparent(text)).toBe(false);
  });

  it.each(["", "a\nb", "ü", "x".repeat(513)])(
    "keep the trace, but not a state that cannot be stored: %j",
    (text) => {
      expect(traceContextOf({ traceparent, tracestate: text })).toEqual({ traceparent });
    },
  );
});

test("a trace is sampled if its last bit is set", () => {
  expect(isSampled(traceparent)).toBe(true);
  expect(isSampled(`${traceparent.slice(0, -2)}03`)).toBe(true);
  expect(isSampled(`${traceparent.slice(0, -2)}02`)).toBe(false);
  expect(traceIdOf(traceparent)).toBe(TRACE);
});

test("a task without a trace needs no additional byte", () => {
  const options = { maxRetries: 3, priority: "high" as const };
  expect(encodeEnvelope("t", 0, "{}")).toBe(".t 0\n{}");
  expect(encodeEnvelope("t", 0, "{}", options)).toBe("+t 0 p=h m=3\n{}");
  expect(encodeEnvelope("t", 0, "{}", options, "print")).toBe("+t 0 p=h m=3 h=print\n{}");
});

test("an envelope keeps context and state, whatever the state contains", () => {
  const tracestate = "vendor=a b%20c,other=%25=; ~";
  const text = encodeEnvelope("t", 0, "{}", { delayMs: 5 }, undefined, { traceparent, tracestate });
  const decoded = decodeEnvelope(text);
  expect(decoded).toMatchObject({ traceparent, tracestate, delayMs: 5, payloadText: "{}" });
  expect(traceOf(decoded)).toEqual({ traceparent, tracestate });
  expect(text.startsWith("@")).toBe(true);
  expect(encodeEnvelope("t", 0, "{}", undefined, undefined, { traceparent })).toBe(
    `+t 0 w=${traceparent}\n{}`,
  );
});

test("an invalid traceparent in an envelope is left out, and the task can still be read", () => {
  expect(decodeEnvelope("+t 0 w=nonsense\n{}")).toMatchObject({ type: "t", traceparent: null });
});

test("the error for an invalid trace context names the option", () => {
  expect(() => checkShape(taskShape, { traceparent: "00-1-2-3" })).toThrow(/traceparent/);
  expect(() => checkShape(taskShape, { tracestate: "a=1" })).toThrow(HoldfastError);
  expect(() => checkShape(taskShape, { traceparent, tracestate: "a=1" })).not.toThrow();
});

test("the span before an error in the history is not part of the error", () => {
  const line = (error: string) => `p1\n1 0 failed 10 20 w 1-n ${error}`;
  const errorOf = (error: string) => decodeRecord(line(error), false).history[0]?.error;
  expect(errorOf(tracedError(traceparent, "Error: a  b"))).toBe("Error: a  b");
  expect(errorOf("~ a tilde of the error's own")).toBe("~ a tilde of the error's own");
});
