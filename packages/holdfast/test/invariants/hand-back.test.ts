import { expect, test } from "vitest";
import { LeaseReader } from "../../src/worker/lease-reader.ts";
import { LeaseTable } from "../../src/worker/lease-table.ts";

const ANY_TIME = Number.POSITIVE_INFINITY;

/** Makes a lease table with one task that was taken ahead, as the worker and as the heartbeat thread see it. */
function takenAhead() {
  const worker = new LeaseTable(1);
  const thread = new LeaseReader(worker.buffer);
  const leaseIndex = worker.claim(0, "a", "1-n", 10, 10);
  const [entry] = thread.readBuffered(ANY_TIME);
  if (!entry) throw new Error("nothing is buffered");
  return { worker, thread, leaseIndex, entry };
}

test("a task that was begun is not handed back", () => {
  const { worker, thread, leaseIndex, entry } = takenAhead();
  expect(worker.begin(leaseIndex)).toBe(true);
  expect(thread.handBack(entry)).toBe(false);
  expect(thread.read(ANY_TIME)).toMatchObject([{ id: "a" }]);
  expect(thread.buffered).toBe(0);
});

test("a task that was handed back is not begun, and its lease is not renewed", () => {
  const { worker, thread, leaseIndex, entry } = takenAhead();
  expect(thread.handBack(entry)).toBe(true);
  expect([worker.begin(leaseIndex), worker.wasHandedBack(leaseIndex)]).toEqual([false, true]);
  expect(thread.read(ANY_TIME)).toEqual([]);
  expect(thread.buffered).toBe(0);
});

test("an old reading of a table entry does not hand back the next task in that entry", () => {
  const { worker, thread, leaseIndex, entry } = takenAhead();
  worker.release(leaseIndex);
  const next = worker.claim(0, "b", "2-n", 20, 20);
  expect(next).toBe(leaseIndex);
  expect(thread.handBack(entry)).toBe(false);
  expect([worker.begin(next), thread.buffered]).toEqual([true, 0]);
});
