import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
let observer: Observer;
const { cli, json } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  observer = new Observer({ client });
});
afterAll(async () => {
  await client.close();
  await redis.stop();
});

async function deadLetters(name: string, count: number): Promise<void> {
  await new Queue(name, { client }).enqueueMany(
    Array.from({ length: count }, (_, i) => ({ type: "t", payload: i, id: `d${i}` })),
  );
  const base = { held: 0, leaseMs: 60_000, maxRetries: 0, workerId: "w", nonce: "n", noHandlerAfterMs: 1 };
  const { grants } = await client.engine(name).acquire({ ...base, want: count });
  const fatal = grants.map(({ id, fence }, i) => ({
    kind: "fatal" as const,
    id,
    fence,
    error: `Error: no ${i}`,
    told: "abcdef012345 t 1 -",
  }));
  await client.engine(name).settle(fatal, { ...base, want: 0 });
}

test("a discard is an operation that needs no service and can be undone, and the history has both", async () => {
  await deadLetters("undone", 12);
  const discard = await json("dlq", "discard", "undone", "--search", "d1", "--yes");
  // The filter matches the dead letters d1, d10 and d11.
  expect(discard).toMatchObject({ discarded: 3, skipped: 0 });
  const id = String(discard.operationId);
  expect(await json("operation", "show", id)).toMatchObject({ kind: "discard", state: "succeeded" });
  expect((await observer.stats("undone")).dead).toBe(9);
  expect(await json("operation", "undo", id)).toMatchObject({ kind: "restore", state: "succeeded" });
  expect((await observer.stats("undone")).dead).toBe(12);
  const { code, stderr } = await cli("operation", "undo", id);
  expect([code, stderr.includes("undone already")]).toEqual([4, true]);
  expect((await cli("operation", "pause", id)).code).toBe(4);
  const records = await json<{ action: string; outcome: string; from: string; count: number }[]>(
    "history",
    "--queue",
    "undone",
  );
  expect(records.map(({ action, outcome, count }) => [action, outcome, count])).toEqual([
    ["operation.pause", "refused", 0],
    ["operation.undo", "refused", 0],
    ["operation.undo", "succeeded", 3],
    ["dead_letters.discard", "succeeded", 3],
  ]);
  expect(records.every(({ from }) => from.startsWith("cli@"))).toBe(true);
  expect(await json<object[]>("operation", "ls", "--queue", "undone")).toHaveLength(2);
});

test("ids without a dead letter are reported one by one, and a filter by signature replays one error", async () => {
  await deadLetters("filtered", 3);
  const some = await cli("dlq", "discard", "filtered", "d0", "nobody", "-o", "json");
  expect(some.code).toBe(3);
  expect(JSON.parse(some.stdout)).toEqual([
    { id: "d0", outcome: "discarded" },
    { id: "nobody", outcome: "not_found" },
  ]);
  const signature = ["--signature", "abcdef012345"];
  expect(await json("dlq", "replay", "filtered", ...signature, "--dry-run")).toMatchObject({ matched: 2 });
  expect(await json("dlq", "replay", "filtered", ...signature)).toMatchObject({ replayed: 2 });
});
