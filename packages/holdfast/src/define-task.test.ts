import { expect, test } from "vitest";
import { defineTask, type StandardSchema } from "./define-task.ts";
import type { Queue } from "./queue/queue.ts";
import { testWorker } from "./testing/index.ts";

interface Mail {
  to: string;
}

/** As a validator of Standard Schema would be: asynchronous, and it normalises. */
const mailSchema: StandardSchema<Mail> = {
  "~standard": {
    version: 1,
    vendor: "by-hand",
    validate: async (value) => {
      const to = (value as Partial<Mail> | null)?.to;
      if (typeof to === "string" && to.includes("@")) return { value: { to: to.toLowerCase() } };
      return { issues: [{ message: "to: not an address", path: ["to"] }, { message: "try again" }] };
    },
  },
};

/** Keeps what is enqueued. */
function fakeQueue() {
  const calls: unknown[][] = [];
  const enqueue = async (...call: unknown[]) => {
    calls.push(call);
    return { id: "x", state: "pending", duplicate: false, durability: "memory" };
  };
  return { calls, queue: { enqueue } as unknown as Queue };
}

test("a payload that fits is enqueued as the schema gives it back", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail, void>("mail.send", { schema: mailSchema });
  expect(await send.enqueue(queue, { to: "A@B.C" })).toMatchObject({ id: "x" });
  expect(calls).toEqual([["mail.send", { to: "a@b.c" }, undefined]]);
});

test("a payload that does not fit is refused with every issue, and nothing is enqueued", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail>("mail.send", { schema: mailSchema });
  await expect(send.enqueue(queue, { to: "nobody" })).rejects.toMatchObject({
    code: "invalid_argument",
    message: 'payload of "mail.send": to: not an address; try again',
  });
  expect(calls).toEqual([]);
});

test("the options of a call go before the defaults", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail>("mail.send", { defaults: { priority: "low", maxRetries: 1 } });
  await send.enqueue(queue, { to: "unchecked" }, { priority: "high" });
  expect(calls).toEqual([["mail.send", { to: "unchecked" }, { priority: "high", maxRetries: 1 }]]);
});

test("the handler gets the checked payload, and fails before it runs where it does not fit", async () => {
  const seen: Mail[] = [];
  const send = defineTask<Mail, string>("mail.send", { schema: mailSchema });
  const worker = testWorker(
    send.handler((payload, ctx, task) => {
      seen.push(payload);
      return `${task.type} ${ctx.attempt}`;
    }),
  );
  expect(await worker.run("mail.send", { to: "A@B.C" })).toMatchObject({
    outcome: "acked",
    result: "mail.send 1",
  });
  expect(await worker.run("mail.send", {})).toMatchObject({
    outcome: "retried",
    error: { code: "invalid_argument" },
  });
  expect(seen).toEqual([{ to: "a@b.c" }]);
});
