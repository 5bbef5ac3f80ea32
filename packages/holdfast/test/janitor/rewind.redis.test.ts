import { startRedisServer, until } from "@holdfast/testing";
import { nanoid } from "nanoid";
import { expect, test } from "vitest";
import { type AuditReport, Holdfast, Janitor, Queue, type RewoundEvent } from "../../src/index.ts";
import { RewindDetector } from "../../src/janitor/rewind.ts";
import { afterwards, library } from "../support/library.ts";

const base = {
  want: 1,
  held: 0,
  leaseMs: 60_000,
  maxRetries: 3,
  workerId: "w",
  park: false,
  noHandlerAfterMs: 1,
};

test("a Redis that comes back without its data is reported, and its queues are audited at once", async () => {
  const server = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
  afterwards(() => server.stop());
  const client = new Holdfast({ redis: server.url });
  afterwards(() => client.close());
  const queue = new Queue("work", { client });
  const engine = client.engine("work");
  for (const id of ["a", "b", "c"]) await queue.enqueue("t", null, { id });
  const { grants: before } = await engine.acquire({ ...base, nonce: nanoid(8) });
  const told: (RewoundEvent | AuditReport)[] = [];
  const janitor = new Janitor({ redis: server.url, auditIntervalMs: 0 });
  janitor.on("rewound", (event) => told.push(event));
  janitor.on("audited", (report) => told.push(report));
  afterwards(() => janitor.stop());

  for (let sweep = 0; sweep < 3; sweep++) await janitor.runOnce();
  // A normal restart loses nothing, so the janitor reports nothing.
  await server.kill();
  await server.start();
  await janitor.runOnce();
  expect(told).toEqual([]);

  // The restart loses writes that the janitor has already seen.
  const { grants: lost } = await engine.acquire({ ...base, nonce: nanoid(8) });
  await janitor.runOnce();
  await janitor.runOnce();
  await client.connection.command("DEL", engine.keys.state);
  await server.kill();
  await server.start();
  await janitor.runOnce();
  expect(told[0]).toMatchObject({ queue: "work", epoch: 0 });
  expect((told[0] as RewoundEvent).epochSeen).toBeGreaterThan(3);
  expect((told[1] as AuditReport).violations.length).toBeGreaterThan(0);
  expect(told).toHaveLength(2);

  // The grant counter starts again, so grant numbers repeat. The nonces still differ, so the old tokens stay invalid.
  const { grants: after } = await engine.acquire({ ...base, want: 10, nonce: nanoid(8) });
  const number = (fence = "") => fence.split("-")[0];
  expect([...before, ...lost].map(({ fence }) => number(fence))).toEqual(["1", "2"]);
  expect(after.map(({ fence }) => number(fence))).toContain("1");
  expect(after.map(({ fence }) => fence)).not.toContain(before[0]?.fence);
  for (const grant of after) {
    const { outcomes } = await engine.settle(
      [
        {
          kind: "ack",
          id: grant.id,
          fence: `${number(grant.fence)}-${before[0]?.fence.split("-").slice(1).join("-")}`,
        },
      ],
      { ...base, want: 0, nonce: nanoid(8) },
    );
    expect(outcomes).toEqual(["stale"]);
  }
});

test("a rewind is recognized by both signs together: another run of the server, and a count that has not grown", () => {
  const detector = new RewindDetector();
  expect(detector.look("q", 5, "a")).toBeNull();
  // The run id of Redis is the same, so the queue was deleted and created again. That is not a loss.
  expect(detector.look("q", 1, "a")).toBeNull();
  expect(detector.look("q", 9, "b")).toBeNull();
  expect(detector.look("q", 9, "c")).toEqual({
    queue: "q",
    epochSeen: 9,
    epoch: 9,
    runIdSeen: "b",
    runId: "c",
  });
  expect(detector.look("q", 10, "c")).toBeNull();
  detector.keepOnly([]);
  expect(detector.look("q", 1, "d")).toBeNull();
});

test("an audit continues where the last one ended, until it has seen everything", async () => {
  const { name, redis, client, queue, engine } = library();
  await queue.enqueueMany(Array.from({ length: 3_000 }, () => ({ type: "t", delayMs: 600_000, payload: 1 })));
  // The wrong entry is far back, in one of the last indexes. An audit of a thousand entries does not get there in its
  // first pass.
  await client.connection.command("ZADD", engine.keys.deadLetters, 1, "ghost");
  const janitor = new Janitor({ redis, queues: [name], auditIntervalMs: 1, auditBudget: 1_000 });
  afterwards(() => janitor.stop());
  const reports: AuditReport[] = [];
  janitor.on("audited", (report) => reports.push(report));
  await until("the ghost is found and removed", async () => {
    await janitor.runOnce();
    return reports.some(({ repaired }) => repaired === 1);
  });
  const at = reports.findIndex(({ repaired }) => repaired === 1);
  expect(at).toBeGreaterThanOrEqual(2);
  expect(reports[at]?.violations).toContainEqual({
    invariant: "I1",
    detail: "dead_letters has an entry for ghost, which has no record in that state",
  });
  expect(await client.connection.command("ZCARD", engine.keys.deadLetters)).toBe(0);
});

test("an audit by steps also finds what a purge left behind", async () => {
  const { name, redis, client, queue, engine } = library();
  await queue.enqueueMany(Array.from({ length: 400 }, (_, n) => ({ type: "t", payload: n })));
  await client.connection.command("HSET", engine.keys.tasks, "left", ".t 0\n1");
  await client.connection.command("HSET", engine.keys.state, "left", "r");
  const janitor = new Janitor({ redis, queues: [name], auditIntervalMs: 1, auditBudget: 200 });
  afterwards(() => janitor.stop());
  await until("the audit has removed what the purge left", async () => {
    await janitor.runOnce();
    return (await client.connection.command("HEXISTS", engine.keys.tasks, "left")) === 0;
  });
  expect(await queue.get("left")).toBeNull();
});
