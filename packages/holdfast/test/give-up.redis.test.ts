import { LIMITS } from "@holdfast/contracts";
import { expect, test } from "vitest";
import type { GivenUp } from "../src/index.ts";
import { afterwards, library } from "./support/library.ts";
import { setup } from "./support/setup.ts";

const about = ["3", "retries_exhausted", "1000", "900", "old-worker", "Error: no%0Aat x"];

test("a scheduled task becomes a dead letter with the attempts, times and error of the other system", async () => {
  const q = await setup();
  await q.add("a", { delayMs: LIMITS.delayMs, fingerprint: "fp" });
  expect(await q.engine.giveUp(["a", ...about])).toBe("g");
  expect(await q.task("a")).toMatchObject({
    ...{ state: "dead", deadReason: "retries_exhausted", attempts: 3, failures: 3, crashes: 0 },
    ...{ endedAt: 1_000, lastError: "Error: no\nat x", runAt: null },
    history: [{ attempt: 3, outcome: "failed", startedAt: 900, endedAt: 1_000, workerId: "old-worker" }],
  });
  expect(await q.stats()).toMatchObject({ scheduled: 0, dead: 1, totals: { deadLettered: 0 } });
  expect((await q.engine.list("deadLetters", "first", "", 5)).ids).toEqual(["a"]);
});

test("a dead letter of another system is replayed with its attempts at zero", async () => {
  const q = await setup();
  await q.add("a", { delayMs: 5, payloadText: '{"n":1.0}' });
  await q.engine.giveUp(["a", ...about]);
  q.advance(5);
  expect((await q.engine.promote(10)).promoted).toBe(0);
  expect(await q.engine.replay(["a", ""])).toBe("r");
  const grant = await q.grant();
  expect(await q.task("a")).toMatchObject({ state: "processing", attempts: 1 });
  await q.ack(grant);
  expect(await q.task("a")).toMatchObject({ state: "completed", payloadText: '{"n":1.0}', generation: 1 });
});

test("a task that crashed its workers elsewhere runs alone when it is replayed", async () => {
  const q = await setup();
  await q.add("a", { delayMs: 5 });
  const [attempts, , ...rest] = about;
  await q.engine.giveUp(["a", attempts as string, "crashes_exhausted", ...rest]);
  expect(await q.task("a")).toMatchObject({ crashes: 3, failures: 0, history: [{ outcome: "crashed" }] });
  await q.engine.replay(["a", ""]);
  expect(await q.task("a")).toMatchObject({ state: "pending", solo: true });
});

test("only scheduled tasks are given up, each once, and a repeated call changes nothing", async () => {
  const q = await setup();
  await q.add("later", { delayMs: 5 });
  await q.add("unkept", { keepPayload: false });
  await q.ack(await q.grant());
  await q.add("leased");
  await q.grant();
  await q.add("waiting");
  const tail = ["later", "later", "leased", "waiting", "unkept", "none"].flatMap((id) => [id, ...about]);
  expect(await q.engine.giveUp(tail)).toBe("gdnnnu");
  const before = await q.task("later");
  expect(await q.engine.giveUp(tail)).toBe("ddnnnu");
  expect(await q.task("later")).toEqual(before);
  expect(await q.stats()).toMatchObject({ dead: 1, pending: 1, processing: 1, completed: 1 });
});

test("a retry that waits keeps its history, and the other attempts are added", async () => {
  const q = await setup();
  await q.add("a");
  await q.fail(await q.grant(), "Error: here", 1_000);
  await q.engine.giveUp(["a", ...about]);
  const { history, attempts, failures } = await q.task("a");
  expect({ attempts, failures }).toEqual({ attempts: 4, failures: 4 });
  expect(history.map(({ error }) => error)).toEqual(["Error: here", "Error: no\nat x"]);
});

test("times that are left out or ahead of Redis count as now", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"], { delayMs: 5 });
  const ahead = String(q.now + 60_000);
  const fields = (endedAt: string, startedAt: string) => ["1", "fatal", endedAt, startedAt, "-", "-"];
  await q.engine.giveUp(["a", ...fields("0", "0"), "b", ...fields(ahead, ahead), "c", ...fields("7", ahead)]);
  for (const [id, at] of [
    ["a", q.now],
    ["b", q.now],
    ["c", 7],
  ] as const)
    expect(await q.task(id)).toMatchObject({ endedAt: at, history: [{ startedAt: at, endedAt: at }] });
});

test("the id of a task that was given up is a duplicate with ifEnded=duplicate, even after its purge", async () => {
  const q = await setup();
  await q.add("a", { delayMs: 5, fingerprint: "fp" });
  await q.engine.giveUp(["a", "1", "fatal", "0", "0", "-", "-"]);
  expect(await q.add("a", { fingerprint: "fp", ifEnded: "duplicate" })).toBe("d");
  await q.engine.discard(["a", ""]);
  q.advance(LIMITS.undoMs + 1);
  await q.engine.purge(100, 1);
  expect(await q.add("a", { fingerprint: "fp", ifEnded: "duplicate" })).toBe("d");
});

test("the observer gives up tasks of every partition, in the order given", async () => {
  const { name, queue, observer, client } = library();
  const parts = new Array(3).fill(0).map((_, i) => client.engine(`${name}/${i}`));
  afterwards(async () => {
    for (const { keys } of parts) await client.connection.command("UNLINK", ...Object.values(keys));
  });
  await observer.partition(name, 3);
  const ids = Array.from({ length: 20 }, (_, i) => `old-${i}`);
  await queue.enqueueMany(ids.map((id) => ({ type: "t", payload: 1, id, delayMs: LIMITS.delayMs })));
  const given = [...ids, "none"].map((id) => ({ id, reason: "fatal", attempts: 2, error: "-" }) as GivenUp);
  const outcomes = (await observer.giveUp(name, given)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual([...ids.map(() => "given_up"), "not_found"]);
  expect((await observer.giveUp(name, given))[0]).toEqual({ id: "old-0", outcome: "dead_already" });
  expect(await observer.stats(name)).toMatchObject({ dead: 20, scheduled: 0 });
  expect(await observer.task(name, "old-7")).toMatchObject({ lastError: "-", deadReason: "fatal" });
});

test.each([
  [[{ id: "a", reason: "fatal", attempts: 0 }], "attempts has to be a whole number from 1"],
  [[{ id: "a", reason: "bad luck", attempts: 1 }], "reason has to be retries_exhausted"],
  [[{ id: "a b", reason: "fatal", attempts: 1 }], "is not a valid task id"],
  [
    [{ id: "a", reason: "fatal", attempts: 1, failedReason: "x" }],
    "failedReason is not an option of a task that is given up: did you mean error?",
  ],
  [[{ id: "a", reason: "fatal", attempts: 1, workerId: "a b" }], "workerId has to be 1 to 128"],
  ["a", "giveUp takes an array"],
])("invalid tasks to give up are refused: %j", async (tasks, message) => {
  const { name, queue, observer } = library();
  await queue.ready();
  await expect(observer.giveUp(name, tasks as never)).rejects.toThrow(message);
});
