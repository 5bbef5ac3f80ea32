import { expect, it } from "vitest";
import { injectBody } from "./tasks.ts";

it("sends the payload byte for byte", () => {
  const payloadText = '{ "n": 12345678901234567890,\n "s": "\\u00e4" }';
  const body = injectBody({ type: "demo.echo", payloadText, delayMs: 5 });
  expect(body).toBe(`{"type":"demo.echo","delayMs":5,"payload":${payloadText}}`);
  expect(JSON.parse(body)).toMatchObject({ type: "demo.echo", delayMs: 5 });
});

it("refuses a payload that would change the shape of the body", () => {
  expect(() => injectBody({ type: "a", payloadText: '1,"type":"b"' })).toThrow(SyntaxError);
  expect(() => injectBody({ type: "a", payloadText: "" })).toThrow(SyntaxError);
});
