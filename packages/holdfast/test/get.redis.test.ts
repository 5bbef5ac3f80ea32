import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("returns the values of each task in the order of the ids, and blanks for missing values", async () => {
  const q = await setup();
  await q.add("later", { delayMs: 5 });
  await q.add("a");
  const grant = await q.grant();
  await q.engine.progress("a", grant.fence, { progress: "7" });
  const [nobody, a, later] = await q.engine.get(["nobody", "a", "later"]);
  expect(nobody).toEqual({
    id: "nobody",
    envelope: "",
    record: "",
    result: "",
    progress: "",
    score: "",
    holder: "",
  });
  expect(a).toMatchObject({ progress: "7", score: String(q.now + 30_000) });
  expect(later).toMatchObject({ record: "", score: String(q.now + 5) });
  expect(await q.engine.get([])).toEqual([]);
});

test("returns everything about a task", async () => {
  const q = await setup();
  const backoff = { kind: "fixed", baseMs: 5, jitter: "none" } as const;
  await q.add("a", {
    type: "mail.send",
    payloadText: '{"to":"ä"}',
    priority: "high",
    maxRetries: 2,
    timeoutMs: 1_000,
    expiresAt: q.now + 99_999,
    tags: ["x y", "a,b"],
    backoff,
  });
  expect(await q.task("a")).toMatchObject({
    id: "a",
    queue: q.name,
    type: "mail.send",
    state: "pending",
    priority: "high",
    payloadText: '{"to":"ä"}',
    payloadBytes: 11,
    maxRetries: 2,
    timeoutMs: 1_000,
    backoff,
    tags: ["x y", "a,b"],
    enqueuedAt: q.now,
    expiresAt: q.now + 99_999,
    runAt: null,
    leaseExpiresAt: null,
    endedAt: null,
    resultText: null,
    history: [],
    log: [],
    logMarks: [],
  });
});

test.each([
  "12345678901234567890",
  "[]",
  "{}",
  '"\\ud800"',
  '"a\\nb"',
  '{"a":1.10}',
  `${"[".repeat(64)}${"]".repeat(64)}`,
])("the bytes of %s stay as they are (I13)", async (payloadText) => {
  const q = await setup();
  await q.add("a", { payloadText });
  const grant = await q.grant();
  expect(grant.envelope.endsWith(`\n${payloadText}`)).toBe(true);
  await q.fail(grant);
  await q.ack(await q.grant(), payloadText);
  expect(await q.task("a")).toMatchObject({ payloadText, resultText: payloadText });
});
