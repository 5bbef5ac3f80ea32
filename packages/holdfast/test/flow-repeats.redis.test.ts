import { expect, test } from "vitest";
import { library } from "./support/library.ts";

const NODE = { name: "a", type: "t" };

test("a repeat of a flow with an invalid node is refused, and does not change the stored flow", async () => {
  const { queue } = library();
  await queue.flow({ id: "f", nodes: [NODE] });
  const tooLarge = { id: "f", nodes: [{ ...NODE, payload: "x".repeat(300_000) }] };
  await expect(queue.flow(tooLarge)).rejects.toMatchObject({ code: "payload_too_large" });
  expect(await queue.getFlow("f")).toMatchObject({ state: "running", cancelRequested: false });
  expect(await queue.flow({ id: "f", nodes: [NODE] })).toEqual({ id: "f", nodes: 1, duplicate: true });
});

test("if a later call of a flow is refused, the flow is cancelled", async () => {
  const { queue } = library();
  const many = Array.from({ length: 502 }, (_, place) => ({ name: `n${place}`, type: "t" }));
  many[501] = { ...NODE, name: "last", payload: "x".repeat(300_000) } as never;
  await expect(queue.flow({ id: "f", nodes: many })).rejects.toMatchObject({ code: "payload_too_large" });
  expect(await queue.getFlow("f")).toMatchObject({ cancelRequested: true });
});

test("a payload that is given as text is kept byte for byte, and two payloads are refused", async () => {
  const { queue } = library();
  const payloadText = '{ "n": 12345678901234567890 }';
  await queue.flow({ id: "f", nodes: [{ ...NODE, payloadText }], on: { done: { type: "t", payloadText } } });
  expect(await queue.get("f.a")).toMatchObject({ payloadText });
  const both = { nodes: [{ ...NODE, payload: 1, payloadText }] };
  await expect(queue.flow(both)).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("payload and payloadText cannot be combined"),
  });
});
