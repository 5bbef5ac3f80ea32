import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { LeaseReader } from "./lease-reader.ts";
import { LeaseTable, monotonicMs } from "./lease-table.ts";

const ANY_TIME = Number.POSITIVE_INFINITY;
const HEADER_INTS = 16;
const ENTRY_INTS = 64;

test("a claimed lease is read as it was written, and a released lease is not read any more", () => {
  const table = new LeaseTable(2);
  const reader = new LeaseReader(table.buffer);
  const index = table.claim(3, "id-1", "7-nonce", 123.5);
  expect(reader.read(ANY_TIME)).toEqual([
    {
      index,
      version: table.versionOf(index),
      part: 3,
      id: "id-1",
      fence: "7-nonce",
      leasedAtMs: 123.5,
      confirmedAtMs: 123.5,
      type: -1,
    },
  ]);
  table.release(index);
  expect(reader.read(ANY_TIME)).toEqual([]);
});

test("ids of 128 characters and fences of 64 fit", () => {
  const table = new LeaseTable(1);
  const reader = new LeaseReader(table.buffer);
  table.claim(0, "i".repeat(128), "t".repeat(64), 0);
  expect(reader.read(ANY_TIME)).toMatchObject([{ id: "i".repeat(128), fence: "t".repeat(64) }]);
});

test("leases that were granted later than the given time are left out", () => {
  const table = new LeaseTable(3);
  const reader = new LeaseReader(table.buffer);
  for (const [id, at] of [
    ["old", 10],
    ["edge", 20],
    ["new", 21],
  ] as const)
    table.claim(0, id, "t", at);
  expect(reader.read(20).map(({ id }) => id)).toEqual(["old", "edge"]);
});

test("another reader of the same memory sees every entry that was ever claimed", () => {
  const table = new LeaseTable(100);
  const reader = new LeaseReader(table.buffer);
  const indexes = Array.from({ length: 100 }, (_, i) => table.claim(0, `id-${i}`, "t", 0));
  expect(reader.read(ANY_TIME)).toHaveLength(100);
  for (const index of indexes.slice(0, 99)) table.release(index);
  expect(reader.read(ANY_TIME)).toMatchObject([{ id: "id-99" }]);
  table.claim(0, "again", "t", 0);
  expect(reader.read(ANY_TIME).map(({ id }) => id)).toEqual(expect.arrayContaining(["id-99", "again"]));
});

test("a full table refuses a claim, and a free leaseIndex is used again with another version", () => {
  const table = new LeaseTable(1);
  const reader = new LeaseReader(table.buffer);
  expect(table.free).toBe(1);
  const index = table.claim(0, "a-long-id", "token", 0);
  const version = table.versionOf(index);
  expect(table.free).toBe(0);
  expect(() => table.claim(0, "b", "t", 0)).toThrow(RangeError);
  table.release(index);
  expect(table.claim(0, "b", "t", 0)).toBe(index);
  expect(table.versionOf(index)).toBeGreaterThan(version);
  expect(reader.read(ANY_TIME)).toMatchObject([{ id: "b", fence: "t" }]);
});

test("an entry that is being written is skipped, and the next entry is not", () => {
  const table = new LeaseTable(2);
  const reader = new LeaseReader(table.buffer);
  const torn = table.claim(0, "torn", "t", 0);
  table.claim(0, "whole", "t", 0);
  const versions = new Int32Array(table.buffer);
  const at = HEADER_INTS + torn * ENTRY_INTS;
  Atomics.add(versions, at, 1);
  expect(reader.read(ANY_TIME).map(({ id }) => id)).toEqual(["whole"]);
  Atomics.add(versions, at, 1);
  expect(
    reader
      .read(ANY_TIME)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(["torn", "whole"]);
});

test("a reader of the same memory sees busy, state and slots", () => {
  const table = new LeaseTable(4);
  const reader = new LeaseReader(table.buffer);
  expect([reader.busy, reader.state]).toEqual([0, "running"]);
  table.busy = 7;
  table.state = "draining";
  table.slots = 3;
  expect([reader.busy, reader.state, reader.slots]).toEqual([7, "draining", 3]);
});

// A thread that claims and releases one entry again and again, and sometimes waits so that the test can read it. Each
// lease has the same text as id and fence. The thread loads the built table, because Node 20 cannot run TypeScript
// there.
const WRITER = `
  const { parentPort, workerData } = require("node:worker_threads");
  import(workerData.module).then(({ LeaseTable }) => {
    const table = new LeaseTable(1);
    const stop = new Int32Array(workerData.stop);
    parentPort.postMessage(table.buffer);
    let n = 0;
    while (Atomics.load(stop, 0) === 0) {
      const text = String(n % 10).repeat(1 + (n % 60));
      const index = table.claim(n % 10, text, text, n);
      for (let spin = n % 3 === 0 ? 20_000 : 0; spin > 0; spin--) Atomics.load(stop, 0);
      table.release(index);
      n++;
    }
    parentPort.postMessage(n);
  });
`;

test("a reader in another thread sees whole leases only, however fast they change", async () => {
  const stop = new SharedArrayBuffer(4);
  const module = new URL("../../dist/worker/lease-table.js", import.meta.url).href;
  const thread = new Worker(WRITER, { eval: true, workerData: { module, stop } });
  const [buffer] = (await once(thread, "message")) as [SharedArrayBuffer];
  const reader = new LeaseReader(buffer);
  const seen = new Set<string>();
  const torn: unknown[] = [];
  const deadline = performance.now() + 10_000;
  while (seen.size < 200 && performance.now() < deadline) {
    for (const entry of reader.read(ANY_TIME)) {
      if (entry.id !== entry.fence || entry.id[0] !== String(entry.part)) torn.push(entry);
      seen.add(`${entry.id}@${entry.leasedAtMs}`);
    }
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  await thread.terminate();
  expect(torn).toEqual([]);
  expect(seen.size).toBeGreaterThanOrEqual(200);
});

test("monotonic time advances and is in milliseconds", () => {
  const started = monotonicMs();
  const wall = performance.now();
  while (performance.now() - wall < 5) {
    // Waits 5 ms by a clock other than the tested one.
  }
  expect(monotonicMs() - started).toBeGreaterThanOrEqual(5);
  expect(monotonicMs() - started).toBeLessThan(5_000);
});
