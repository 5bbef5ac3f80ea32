import { FatalError } from "@holdfast/contracts";
import { type HandlerContext, type HandlerTask, JsonText } from "holdfast";
import { expect, test } from "vitest";
import { handlers } from "./demo.ts";

function run(type: string, payload: unknown, context: Partial<HandlerContext> = {}): unknown {
  const ctx = { signal: new AbortController().signal, attempt: 1, ...context } as HandlerContext;
  return handlers[type]?.({ payload, payloadText: JSON.stringify(payload) } as HandlerTask, ctx);
}

test("echo returns the bytes of its payload, even if parsing would round a number", () => {
  const payloadText = '{ "n": 12345678901234567890 }';
  const echo = handlers["demo.echo"]?.({ payloadText } as HandlerTask, {} as HandlerContext);
  expect(echo).toEqual(new JsonText(payloadText));
});

test("flaky fails always at 1, never at 0", async () => {
  await expect(run("demo.flaky", { failRate: 1 })).rejects.toThrow("failRate 1");
  await expect(run("demo.flaky", { failRate: 0 }, { attempt: 3 })).resolves.toEqual({ attempt: 3 });
});

test("sleep ends when its signal aborts", async () => {
  const abort = new AbortController();
  const sleeping = run("demo.sleep", { ms: 60_000 }, { signal: abort.signal });
  abort.abort();
  await expect(sleeping).rejects.toThrow("abort");
});

test("cpu blocks the event loop for the given time", () => {
  const start = performance.now();
  run("demo.cpu", { ms: 20 });
  expect(performance.now() - start).toBeGreaterThanOrEqual(20);
});

test("crash kills the worker only in as many attempts as its payload says", () => {
  expect(run("demo.crash", { crashes: 2 }, { attempt: 3 })).toEqual({ attempt: 3 });
});

test.each([{ ms: "5" }, { ms: -1 }])(
  "a payload like %j is fatal, because no retry can help",
  async (payload) => {
    await expect(async () => run("demo.sleep", payload)).rejects.toBeInstanceOf(FatalError);
  },
);
