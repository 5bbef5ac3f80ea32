import { expect, test } from "vitest";
import { abortAt } from "../support/abort.ts";
import { readQueue } from "../support/invariants.ts";
import { setup } from "../support/setup.ts";
import type { TestQueue } from "../support/test-queue.ts";
import { ToldStates } from "../support/told-states.ts";
import { callsOnFullQueue, prepareFullQueue } from "./full-queue.ts";

/**
 * The scripts that change the state of tasks. `purge` is not among them, because the tasks that it removes have ended before, and
 * their ends were reported then.
 */
const MOVING = [
  ...["acquire", "cancel", "change", "discard", "empty", "enqueue", "enqueueAgain", "expire", "giveUp"],
  ...["promote", "reap", "reject", "replace", "replay", "restore", "settle"],
];

/** Returns the row of a record that says how often the task was changed while it waited; "" without one. */
const changesOf = (record: string) => /\n0 \d+ changed .*/.exec(record)?.[0] ?? "";

/**
 * Returns what events report about each task: its state, its life (how often its id was enqueued or replayed), and
 * its changes.
 */
const statesOf = async (q: TestQueue) =>
  new Map(
    [...(await readQueue(q.redis, q.keys)).tasks].map(([id, task]) => [
      id,
      `${task.state} ${task.generation}${changesOf(task.raw)}`,
    ]),
  );

async function prepare(): Promise<{ q: TestQueue; told: ToldStates; before: Map<string, string> }> {
  const q = await setup();
  q.corrupted = true; // The audit after the test is skipped, because other tests audit the queue after an abort.
  await q.engine.configure({ maxEvents: 1_000_000 });
  const told = new ToldStates(q.engine, String(q.now));
  await prepareFullQueue(q);
  await told.read();
  expect(told.missed).toBe(0);
  told.ids.clear();
  return { q, told, before: await statesOf(q) };
}

test.each(MOVING)(
  "%s: an aborted call reports no event of a task that it did not move, and a reader knows whether it misses an event",
  async (script) => {
    const call = callsOnFullQueue[script]?.call;
    if (call === undefined) throw new Error(`no call of ${script}`);
    for (let at = 1; ; at++) {
      const { q, told, before } = await prepare();
      q.mutate = abortAt(script, at);
      const isAborted = await call(q).then(
        () => false,
        () => true,
      );
      q.mutate = undefined;
      await told.read();
      const after = await statesOf(q);
      const moved = [...new Set([...before.keys(), ...after.keys()])].filter(
        (id) => before.get(id) !== after.get(id),
      );
      if (told.missed === 0) expect(moved.filter((id) => !told.ids.has(id))).toEqual([]);
      else expect(told.missed + told.ids.size).toBeGreaterThanOrEqual(moved.length);
      expect([...told.ids].filter((id) => !moved.includes(id))).toEqual([]);
      if (!isAborted) {
        expect([told.missed, at > 3, moved.length > 0]).toEqual([0, true, script !== "expire"]);
        return;
      }
      // The repeated call does what the aborted call left undone, and reports it once.
      await call(q);
      await told.read();
      const end = await statesOf(q);
      if (told.missed === 0) {
        const states = [...end].map(([id, state]) => [id, state.split(" ")[0] as string] as const);
        expect(told.wrong(states)).toEqual([]);
      }
    }
  },
  120_000,
);
