import { expect, expectTypeOf, test } from "vitest";
import { type BatchResults, defineTask, type StandardSchema } from "../src/define-task.ts";
import { Queue } from "../src/queue/queue.ts";
import { testWorker } from "../src/testing/index.ts";
import { Worker } from "../src/worker/worker.ts";
import { library, started } from "./support/library.ts";

interface Mail {
  to: string;
}

/** An asynchronous validator of Standard Schema, which changes a valid value into its normal form. */
const mailSchema: StandardSchema<Mail> = {
  "~standard": {
    version: 1,
    vendor: "by-hand",
    validate: async (value) => {
      const to = (value as Partial<Mail> | null)?.to;
      if (typeof to === "string" && to.includes("@")) return { value: { to: to.toLowerCase() } };
      return { issues: [{ message: "not an address", path: ["to"] }, { message: "try again" }] };
    },
  },
};

/** Makes a queue that records the arguments of each enqueue. */
function fakeQueue() {
  const calls: unknown[][] = [];
  const enqueue = async (...call: unknown[]) => {
    calls.push(call);
    return { id: "x", state: "pending", duplicate: false, willRun: true, durability: "memory" };
  };
  return { calls, queue: { enqueue } as unknown as Queue };
}

test("a valid payload is enqueued as given", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail, void>("mail.send", { schema: mailSchema });
  expect(await send.enqueue(queue, { to: "A@B.C" })).toMatchObject({ id: "x" });
  expect(calls).toEqual([["mail.send", { to: "A@B.C" }, undefined]]);
});

test("an invalid payload is refused with every issue, and nothing is enqueued", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail>("mail.send", { schema: mailSchema });
  await expect(send.enqueue(queue, { to: "nobody" })).rejects.toMatchObject({
    code: "invalid_argument",
    message: 'payload of "mail.send": to: not an address; try again',
  });
  expect(calls).toEqual([]);
});

test("the options of a call override the defaults", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail>("mail.send", { defaults: { priority: "low", maxRetries: 1 } });
  await send.enqueue(queue, { to: "unchecked" }, { priority: "high" });
  expect(calls).toEqual([["mail.send", { to: "unchecked" }, { priority: "high", maxRetries: 1 }]]);
});

test("the handler gets the checked payload, and does not run if the payload is invalid", async () => {
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
    outcome: "dead",
    attempts: 1,
    error: { name: "FatalError", message: 'payload of "mail.send": to: not an address; try again' },
  });
  expect(seen).toEqual([{ to: "a@b.c" }]);
});

interface Given {
  at: string | Date;
  zone?: string;
}
interface Made {
  at: Date;
  zone: string;
}

/** A schema with a date from text, a default, and a transform whose output does not fit the schema. */
const eventSchema: StandardSchema<Given, Made> = {
  "~standard": {
    version: 1,
    vendor: "by-hand",
    validate: (value) => {
      const { at, zone = "UTC" } = value as Partial<Given>;
      if (typeof at !== "string" && !(at instanceof Date))
        return { issues: [{ message: "not a date", path: ["at"] }] };
      if (zone.endsWith("!")) return { issues: [{ message: "made already", path: [{ key: "zone" }] }] };
      return { value: { at: new Date(at), zone: `${zone}!` } };
    },
  },
};

test("dates, defaults and transforms reach the handler, in a worker as in testWorker", async () => {
  const { name, queue, redis } = library();
  const event = defineTask("event", { schema: eventSchema });
  const seen: Made[] = [];
  const handlers = event.handler((payload) => {
    seen.push(payload);
    return "done";
  });
  const at = new Date(1_800_000_000_000);
  const made = { at, zone: "UTC!" };
  await started(new Worker(name, handlers, { redis }));
  // `zone` has a default value, so the producer may leave it out.
  const { id } = await event.enqueue(queue, { at });
  expect(await queue.result(id)).toMatchObject({ state: "completed", payloadText: JSON.stringify({ at }) });
  expect(await testWorker(handlers).run("event", { at })).toMatchObject({ outcome: "acked" });
  expect(seen).toEqual([made, made]);
});

test("a task whose stored payload is invalid is dead at once, and the error names the place", async () => {
  const { name, queue, redis } = library();
  const event = defineTask("event", { schema: eventSchema });
  await started(
    new Worker(
      name,
      event.handler(() => {}),
      { redis, maxRetries: 5 },
    ),
  );
  const { id } = await queue.enqueue("event", { at: 5 });
  expect(await queue.result(id)).toMatchObject({
    state: "dead",
    deadReason: "fatal",
    attempts: 1,
    lastError: expect.stringContaining('payload of "event": at: not a date'),
  });
});

test("an enqueue reports a schema that needs values that JSON does not have", async () => {
  const { calls, queue } = fakeQueue();
  const strict: StandardSchema<{ at: Date }[]> = {
    "~standard": {
      version: 1,
      vendor: "by-hand",
      validate: (value) =>
        (value as { at: unknown }[])[0]?.at instanceof Date
          ? { value: value as { at: Date }[] }
          : { issues: [{ message: "expected a Date", path: [0, "at"] }] },
    },
  };
  const event = defineTask("event", { schema: strict });
  await expect(event.enqueue(queue, [{ at: new Date() }])).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringMatching(/after it became JSON.*\[0\]\.at: expected a Date.*z\.coerce\.date/),
  });
  expect(calls).toEqual([]);
});

test("the time of a call, and options that it leaves undefined, are combined with the defaults", async () => {
  const { calls, queue } = fakeQueue();
  const send = defineTask<Mail>("mail.send", { defaults: { delayMs: 5, priority: "low" } });
  await send.enqueue(queue, { to: "x" }, { runAt: 7, priority: undefined });
  await send.enqueue(queue, { to: "x" });
  expect(calls.map(([, , options]) => options)).toEqual([
    { priority: "low", runAt: 7 },
    { delayMs: 5, priority: "low" },
  ]);
});

test("an enqueue that is checked at once begins before a close that follows it", async () => {
  const { name, client, observer } = library();
  const queue = new Queue(name, { client });
  const event = defineTask("event", { schema: eventSchema });
  const sent = event.enqueue(queue, { at: "2030-01-01" });
  await queue.close();
  await expect(sent).resolves.toMatchObject({ state: "pending" });
  expect((await observer.stats(name)).pending).toBe(1);
});

test("a handler with options becomes an entry with these options, and still checks the payload", async () => {
  const event = defineTask("event", { schema: eventSchema });
  const worker = testWorker(
    event.handler(() => Promise.reject(new Error("no")), { maxRetries: 0, deadLetter: false }),
  );
  expect(await worker.run("event", { at: "2030-01-01" })).toMatchObject({ outcome: "cancelled" });
  const misfit = await worker.run("event", { at: 7 });
  expect(misfit).toMatchObject({ outcome: "cancelled" });
  expect(String(misfit.error)).toContain('payload of "event"');
});

test("a batch gets the checked payloads, and the others are dead at once", async () => {
  const event = defineTask<Given, string, Made>("event", { schema: eventSchema });
  const seen: Made[][] = [];
  const worker = testWorker(
    event.batch({ max: 10 }, async (tasks, ctx) => {
      seen.push(tasks.map(({ payload }) => payload));
      const [first] = tasks;
      if (first) ctx.complete(first, `first, attempt ${ctx.of(first).attempt}`);
      return tasks.map(({ payload }) => (payload.zone === "bad!" ? new Error("bad zone") : payload.zone));
    }),
  );
  const at = "2030-01-01";
  const runs = await worker.runBatch("event", [{ at }, { at: 7 }, { at, zone: "bad" }, { at, zone: "CET" }]);
  expect(runs.map(({ outcome, result }) => [outcome, result])).toEqual([
    ["acked", "first, attempt 1"],
    ["dead", undefined],
    ["retried", undefined],
    ["acked", "CET!"],
  ]);
  expect(String(runs[1]?.error)).toContain('payload of "event": at: not a date');
  const date = new Date(at);
  expect(seen).toEqual([["UTC!", "bad!", "CET!"].map((zone) => ({ at: date, zone }))]);

  const unfit = await worker.runBatch("event", [{ at: 7 }]);
  expect([unfit[0]?.outcome, seen.length]).toEqual(["dead", 1]);
});

test("a batch that throws is searched, and one that returns too few results is refused", async () => {
  const event = defineTask<Given, string, Made>("event", { schema: eventSchema });
  const worker = testWorker(
    event.batch({ max: 10 }, (tasks) => {
      if (tasks.some(({ payload }) => payload.zone === "poison!")) throw new Error("the insert failed");
    }),
  );
  const at = "2030-01-01";
  const runs = await worker.runBatch("event", [{ at }, { at: 7 }, { at, zone: "poison" }, { at }]);
  expect(runs.map(({ outcome }) => outcome)).toEqual(["acked", "dead", "retried", "acked"]);
  const short = testWorker(event.batch({ max: 10 }, ({ length }) => Array(length + 1).fill("more")));
  const refused = await short.runBatch("event", [{ at }, { at: 7 }]);
  expect(refused.map(({ outcome }) => outcome)).toEqual(["retried", "dead"]);
  expect(String(refused[0]?.error)).toContain("returned 2 results for 1 tasks");
});

test("a batch runs in a worker, with the options of its entry", async () => {
  const { name, queue, redis } = library();
  const row = defineTask<{ id: string }, { inserted: string }>("row.insert");
  const sizes: number[] = [];
  const handlers = row.batch(
    { max: 4, waitMs: 5_000, by: "key" },
    (tasks) => {
      sizes.push(tasks.length);
      return tasks.map(({ payload }) => ({ inserted: payload.id }));
    },
    { timeoutMs: 60_000 },
  );
  expect(handlers["row.insert"]).toMatchObject({ timeoutMs: 60_000 });
  await started(new Worker(name, handlers, { redis }));
  const sent = await Promise.all(["a", "b", "c", "d"].map((id) => row.enqueue(queue, { id })));
  for (const [place, { id }] of sent.entries())
    expect((await queue.result(id))?.resultText).toBe(JSON.stringify({ inserted: "abcd"[place] }));
  expect(sizes).toEqual([4]);
});

test("the types of a batch are those of its definition", () => {
  const event = defineTask<Given, string, Made>("event", { schema: eventSchema });
  event.batch({ max: 2, by: ({ type }) => type }, (tasks, ctx) => {
    expectTypeOf(tasks[0]?.payload).toEqualTypeOf<Made | undefined>();
    expectTypeOf(ctx.complete).parameter(1).toEqualTypeOf<string | undefined>();
  });
  // A batch handler may return nothing, or one result for each task, directly or as a promise. A result may be an
  // error.
  event.batch({ max: 2 }, async () => {});
  event.batch({ max: 2 }, async (tasks) => tasks.map(() => "x"));
  event.batch({ max: 2 }, () => ["x", new Error("y")]);
  expectTypeOf<BatchResults<string>>().not.toEqualTypeOf<BatchResults<number>>();
  // @ts-expect-error the results are of another type
  event.batch({ max: 2 }, (tasks) => tasks.map(() => 7));
  // @ts-expect-error one result for all tasks
  event.batch({ max: 2 }, async () => "x");
  // @ts-expect-error the result of one task is of another type
  event.batch({ max: 2 }, (tasks, ctx) => tasks[0] && ctx.complete(tasks[0], 7));
  // @ts-expect-error the payload has no such field
  event.batch({ max: 2 }, (tasks) => tasks.map(({ payload }) => payload.where));
});

test.each<[string, () => unknown, string]>([
  ["no type", () => defineTask(undefined as never), "undefined is not a valid task type"],
  [
    "no schema",
    () => defineTask("t", { schema: { parse() {} } as never }),
    "schema has to be a schema that implements",
  ],
  ["an unknown option", () => defineTask("t", { options: {} } as never), "did you mean defaults?"],
  [
    "wrong defaults",
    () => defineTask("t", { defaults: { delay: 5 } as never }),
    "did you mean defaults.delayMs?",
  ],
  ["no handler", () => defineTask("t").handler(undefined as never), "has to be a function"],
  [
    "no handler of a batch",
    () => defineTask("t").batch({ max: 2 }, undefined as never),
    "has to be a function",
  ],
  ["a batch without max", () => defineTask("t").batch({} as never, () => {}), "max"],
  ["a batch as an option", () => defineTask("t", { batch: {} } as never), "definition.batch(options, run)"],
  [
    "a wrong option of a batch's entry",
    () => defineTask("t").batch({ max: 2 }, () => {}, { attempts: 3 } as never),
    "did you mean maxRetries?",
  ],
  [
    "a wrong option of a handler",
    () => defineTask("t").handler(() => 1, { attempts: 3 } as never),
    "did you mean maxRetries?",
  ],
])("defineTask with %s", (_, define, message) => {
  expect(define).toThrow(message);
});

test("a result is read with the type of the definition, and a task of another type is refused", async () => {
  const { name, queue, redis } = library();
  const add = defineTask<number[], { sum: number }>("add");
  const fail = defineTask<null>("fail");
  const handlers = {
    ...add.handler((numbers) => ({ sum: numbers.reduce((a, b) => a + b, 0) })),
    ...fail.handler(() => Promise.reject(new Error("no")), { maxRetries: 0 }),
  };
  const waits = await add.enqueue(queue, [1], { delayMs: 3_600_000 });
  expect(await add.result(queue, waits.id, { waitMs: 0 })).toBeNull();
  await started(new Worker(name, handlers, { redis }));
  const { id } = await add.enqueue(queue, [1, 2, 3]);
  const task = await add.result(queue, id, { waitMs: 30_000 });
  expectTypeOf(task?.result).toEqualTypeOf<{ sum: number } | undefined>();
  expect(task).toMatchObject({ state: "completed", result: { sum: 6 } });
  await expect(fail.result(queue, id)).rejects.toMatchObject({ code: "conflict" });
  const dead = await fail.enqueue(queue, null);
  const ended = await fail.result(queue, dead.id, { waitMs: 30_000 });
  expect(ended).toMatchObject({ state: "dead" });
  expect(ended).not.toHaveProperty("result");
});

test("testWorker runs a definition with the types of its payload and result", async () => {
  const add = defineTask<number[], { sum: number }>("add");
  const worker = testWorker(add.handler((numbers) => ({ sum: numbers.length })));
  const run = await worker.run(add, [1, 2]);
  expectTypeOf(run.result).toEqualTypeOf<{ sum: number } | undefined>();
  expect(run.result).toEqual({ sum: 2 });
  expectTypeOf((await worker.run("add", [])).result).toEqualTypeOf<unknown>();
});
