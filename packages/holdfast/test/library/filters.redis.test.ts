import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { FatalError, Queue, Worker } from "../../src/index.ts";
import { OperationRunner } from "../../src/operate.ts";
import { library, started } from "../support/library.ts";

/** Makes six dead letters, two of each tenant. */
async function deadLetters() {
  const parts = library();
  const { name, client, queue, observer } = parts;
  await queue.enqueueMany(
    ["acme", "beta", "acme", "gamma", "beta", "gamma"].map((tenant, n) => ({
      type: "mail.send",
      payload: { To: `${tenant.toUpperCase()}@Example.com` },
      id: `${tenant}-${n}`,
      tags: [`tenant:${tenant}`, "mail"],
    })),
  );
  const handlers = {
    "mail.send": () => {
      throw new FatalError("Mailbox unknown");
    },
  };
  const worker = await started(new Worker(name, handlers, { redis: parts.redis }));
  await until("all tasks are dead", async () => (await observer.stats(name)).dead === 6);
  await worker.stop();
  return { ...parts, client };
}

test("dead letters are listed, counted, replayed and discarded by tag", async () => {
  const { name, observer } = await deadLetters();
  const listed = await observer.list(name, { state: "dead", tag: "tenant:acme" });
  expect(listed.tasks.map(({ id }) => id).sort()).toEqual(["acme-0", "acme-2"]);
  expect(await observer.countDead(name, { tag: "tenant:acme" })).toBe(2);
  // A filter for a tag matches only whole tags.
  for (const tag of ["tenant", "Tenant:acme"]) expect(await observer.countDead(name, { tag })).toBe(0);
  expect(await observer.replayAll(name, { tag: "tenant:acme" })).toEqual({ replayed: 2, skipped: 0 });
  expect(await observer.discardAll(name, { tag: "tenant:beta" })).toEqual({ discarded: 2, skipped: 0 });
  expect(await observer.stats(name)).toMatchObject({ pending: 2, dead: 2 });
});

test("text is found in any case, in id, type, tags, payload and error", async () => {
  const { name, observer } = await deadLetters();
  for (const q of ["ACME-", "MAIL.SEND", "Tenant:A", "acme@example", "mailbox UNKNOWN"])
    expect([q, await observer.countDead(name, { q })]).toEqual([q, /acme|tenant/i.test(q) ? 2 : 6]);
  expect(await observer.countDead(name, { error: "UNKNOWN" })).toBe(6);
  expect((await observer.list(name, { state: "dead", q: "BETA@EXAMPLE" })).tasks).toHaveLength(2);
});

test("an unknown filter is refused, and nothing is moved", async () => {
  const { name, observer } = await deadLetters();
  const wrong = { tags: "tenant:acme" } as object;
  const refused = { code: "invalid_argument", message: expect.stringContaining('"tags"') };
  await expect(observer.list(name, { state: "dead", ...wrong })).rejects.toMatchObject(refused);
  await expect(observer.countDead(name, wrong)).rejects.toMatchObject(refused);
  await expect(observer.replayAll(name, wrong)).rejects.toMatchObject(refused);
  await expect(observer.discardAll(name, wrong)).rejects.toMatchObject(refused);
  const unset = { tag: undefined } as object;
  await expect(observer.replayAll(name, unset)).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(observer.list(name, { state: "bored" as "dead" })).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("state has to be one of"),
  });
  expect(await observer.stats(name)).toMatchObject({ pending: 0, dead: 6 });
});

test("an operation with a filter of a newer version ends as failed, and moves nothing", async () => {
  const { name, client, observer } = await deadLetters();
  const by = {
    actor: "test",
    keyId: null,
    role: null,
    from: "test",
    requestId: "r",
    clientRequestId: null,
    reason: null,
  };
  const selection = { filter: { planet: "mars" } as object };
  const { id } = await client.operations.create({ kind: "discard", queue: name, selection, by }, 6);
  const runner = new OperationRunner({ client, producer: (queue) => new Queue(queue, { client }) });
  await runner.runNow(id);
  expect(await client.operations.get(id)).toMatchObject({
    state: "failed",
    done: 0,
    error: expect.stringContaining('"planet"'),
  });
  expect((await observer.stats(name)).dead).toBe(6);
});

test("a large replay is an operation, which is listed with its author, paced, and cancelled by its signal", async () => {
  const { name, client, observer } = await deadLetters();
  const abort = new AbortController();
  const seen: number[] = [];
  const replay = observer.replayAll(
    name,
    { type: "mail.send" },
    {
      ratePerSecond: 4,
      by: "ana",
      signal: abort.signal,
      onProgress: ({ done, total }) => {
        seen.push(done);
        expect(total).toBe(6);
        if (done === 2) abort.abort(new Error("enough"));
      },
    },
  );
  await expect(replay).rejects.toThrow("enough");
  const { operations } = await client.operations.list({ queue: name, limit: 5 });
  expect(operations).toMatchObject([
    { kind: "replay", actor: "ana", state: "cancelled", ratePerSecond: 4, done: seen.at(-1) },
  ]);
  expect((await observer.stats(name)).dead).toBe(6 - (seen.at(-1) ?? 0));
});

test("a large replay into a full queue fails with the error of the queue", async () => {
  const { name, client, observer } = await deadLetters();
  await observer.configure(`${name}-full`, { maxWaiting: 1 });
  await expect(observer.replayAll(name, {}, { to: `${name}-full` })).rejects.toMatchObject({
    code: "queue_full",
  });
  const { operations } = await client.operations.list({ queue: name, limit: 5 });
  expect(operations).toMatchObject([{ kind: "replay", state: "failed", to: `${name}-full` }]);
  expect((await observer.stats(name)).dead).toBe(5);
});
