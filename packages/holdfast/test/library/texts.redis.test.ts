import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import { Holdfast, HoldfastError, Janitor, Observer, Queue, Schedules, Worker } from "../../src/index.ts";
import { asKept, NASTY } from "../support/nasty.ts";
import { setupSystem } from "../worker/harness.ts";

const redis = "redis://127.0.0.1:1";

/** Texts that become parts of keys, channels and records. They are checked before anything connects. */
const NAMES: Record<string, { allowed: RegExp; give(text: string): unknown }> = {
  "id of a worker": {
    allowed: /^[A-Za-z0-9_.:@-]{1,128}$/,
    give: (id) => new Worker("q", {}, { redis, id }),
  },
  "prefix of a worker": {
    allowed: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
    give: (prefix) => new Worker("q", {}, { redis, prefix }),
  },
  "prefix of a queue": {
    allowed: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
    give: (prefix) => new Queue("q", { redis, prefix }),
  },
  "prefix of a client": {
    allowed: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
    give: (prefix) => new Holdfast({ redis, prefix }),
  },
  "prefix of a janitor": {
    allowed: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
    give: (prefix) => new Janitor({ redis, prefix }),
  },
  "prefix of an observer": {
    allowed: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
    give: (prefix) => new Observer({ redis, prefix }),
  },
  "prefix of schedules": {
    allowed: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
    give: (prefix) => new Schedules({ redis, prefix }),
  },
  "instance of a client": {
    allowed: /^[A-Za-z0-9_.:@-]{0,128}$/,
    give: (instance) => new Holdfast({ redis, instance }),
  },
  "name of a queue": {
    allowed: /^[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9_.-]{0,63}$/,
    give: (name) => new Queue(name, { redis }),
  },
  "type of a worker": {
    allowed: /^(\*|[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}\*?)$/,
    give: (type) => new Worker("q", { [type]: () => 1 }, { redis }),
  },
};

describe("a text that is written into records and keys unchanged", () => {
  test.each(Object.keys(NAMES))("%s: a text that could break a record is refused at once", async (name) => {
    const { allowed, give } = NAMES[name] as (typeof NAMES)[string];
    for (const nasty of NASTY) {
      for (const text of [nasty, `a${nasty}`, `a${nasty}b`]) {
        let given: unknown;
        let error: unknown;
        try {
          given = give(text);
        } catch (thrown) {
          error = thrown;
        }
        const closing = given as { close?(): Promise<void>; stop?(): Promise<void> } | undefined;
        await (closing?.close?.() ?? closing?.stop?.());
        if (allowed.test(text)) expect([text, error]).toEqual([text, undefined]);
        else {
          expect([text, error]).toEqual([text, expect.any(HoldfastError)]);
          expect((error as HoldfastError).code).toMatch(/^invalid_/);
        }
      }
    }
  });

  test("an id of a task, of a schedule, a type, a fingerprint and a trace", async () => {
    const system = await setupSystem();
    const queue = system.queue();
    const schedules = new Schedules({ client: system.client });
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const code = async (call: Promise<unknown>) =>
      call.then(
        () => "accepted",
        (error) => (error instanceof HoldfastError ? error.code : error),
      );
    for (const nasty of NASTY) {
      const text = `a${nasty}b`;
      const isWord = /^[A-Za-z0-9_.:-]*$/.test(text);
      expect([text, await code(queue.get(text))]).toEqual([text, isWord ? "accepted" : "invalid_task_id"]);
      const isType = /^[A-Za-z0-9_.:/-]*$/.test(text);
      expect([text, await code(queue.enqueue(text, 0))]).toEqual([
        text,
        isType ? "accepted" : "invalid_task_type",
      ]);
      const isSchedule = /^[A-Za-z0-9_.-]*$/.test(text);
      expect([text, await code(schedules.get(text))]).toEqual([
        text,
        isSchedule ? "accepted" : "invalid_argument",
      ]);
      const isVisible = /^[!-~]*$/.test(text);
      expect([
        text,
        await code(queue.enqueueText("t", "0", { id: `i${NASTY.indexOf(nasty)}`, fingerprint: text })),
      ]).toEqual([text, isVisible ? "accepted" : "invalid_argument"]);
      if (nasty === "") continue;
      expect([text, await code(queue.enqueue("t", 0, { traceparent: trace.replace("b7", nasty) }))]).toEqual([
        text,
        "invalid_argument",
      ]);
      const isState = /^[ -~]*$/.test(text);
      expect([text, await code(queue.enqueue("t", 0, { traceparent: trace, tracestate: text }))]).toEqual([
        text,
        isState ? "accepted" : "invalid_argument",
      ]);
    }
    const { violations } = await system.observer.audit("work");
    expect(violations).toEqual([]);
  });
});

test("free text is returned byte for byte, and does not change anything else in the record", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const tagsOf = (text: string) => (text.isWellFormed() && text !== "" && text.length <= 64 ? [text] : []);
  const texts = NASTY.flatMap((nasty) => [nasty, `a${nasty}b`, `${nasty} 1 2 3\nforged 9 0 acked`]);
  const { worker, settled } = await system.started(
    "work",
    {
      t: async (task, { progress, log }) => {
        const text = texts[task.payload];
        await progress({ text });
        await log(text as string);
        throw Object.assign(new Error(text), { stack: undefined });
      },
    },
    { maxRetries: 0, id: "w:1" },
  );
  const results = await queue.enqueueMany(
    texts.map((text, n) => ({
      type: "t",
      payload: n,
      tags: tagsOf(text),
    })),
  );
  await until("all tasks have run", () => settled.length === texts.length, 30_000);
  for (const [n, result] of results.entries()) {
    const text = texts[n] as string;
    const task = await queue.get(result.ok ? result.receipt.id : "");
    expect(task?.lastError).toBe(text === "" ? "Error" : `Error: ${asKept(text)}`);
    expect(JSON.parse(task?.progress ?? "")).toEqual({ text });
    expect(task?.log).toEqual([asKept(text)]);
    expect(task?.tags).toEqual(tagsOf(text));
    expect(task).toMatchObject({ state: "dead", attempts: 1, workerId: null });
    expect(task?.history).toMatchObject([{ attempt: 1, outcome: "failed", workerId: worker.id }]);
  }
  for (const text of texts) {
    await system.observer.pause("work", text, text);
    const stats = await system.observer.stats("work");
    expect(stats).toMatchObject({
      paused: true,
      dead: texts.length,
      pauseReason: text.toWellFormed() || null,
    });
  }
  expect((await system.observer.audit("work")).violations).toEqual([]);
}, 60_000);

test.each(["-", "~00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 x", " two  spaces ", "\0"])(
  "a thrown text %j is kept as it is, and is not mistaken for a mark",
  async (text) => {
    const system = await setupSystem();
    await system.started("work", {
      t: () => {
        throw text;
      },
    });
    const { id } = await system.queue().enqueue("t", 0, { maxRetries: 0 });
    expect((await system.queue().result(id, { waitMs: 10_000 }))?.lastError).toBe(text);
  },
);

test("a worker id may have every allowed character, and each attempt names it", async () => {
  const system = await setupSystem();
  const id = "My-worker_1.eu:9@host";
  await system.started("work", { t: () => 1 }, { id });
  const { id: task } = await system.queue().enqueue("t", 0);
  expect((await system.queue().result(task, { waitMs: 10_000 }))?.history).toMatchObject([
    { outcome: "acked", workerId: id },
  ]);
});
