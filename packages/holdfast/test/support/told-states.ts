import type { TaskEventType } from "@holdfast/contracts";
import { expect } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { PartReader } from "../../src/events/part-reader.ts";

type OfTasks = Exclude<TaskEventType, "flow_ended">;

/** The states that a task may have after each kind of event. */
const STATES: Record<OfTasks, RegExp> = {
  enqueued: /^pending$/,
  waiting: /^waiting$/,
  scheduled: /^scheduled$/,
  replaced: /^(pending|scheduled)$/,
  changed: /^(pending|scheduled)$/,
  promoted: /^pending$/,
  started: /^processing$/,
  completed: /^completed$/,
  retried: /^(pending|scheduled)$/,
  released: /^(pending|scheduled)$/,
  reaped: /^pending$/,
  dead: /^dead$/,
  cancelled: /^cancelled$/,
  expired: /^expired$/,
  replayed: /^pending$/,
  discarded: /^discarded$/,
  restored: /^dead$/,
  removed: /^(absent|purged)$/,
};

/** Follows the tasks of a queue through its events only: keeps the last event of each task. */
export class ToldStates {
  readonly last = new Map<string, OfTasks>();
  readonly ids = new Set<string>();
  missed = 0;
  readonly #reader: PartReader;

  /** @param life identifies the stream of events, like the field `life` of a cursor */
  constructor(engine: Engine, life: string) {
    this.#reader = new PartReader(engine, { life, last: 0 });
  }

  /** Reads new events. */
  async read(): Promise<void> {
    for (let hasMore = true; hasMore; ) {
      const batch = await this.#reader.read();
      expect(batch.missed).not.toBeNull();
      this.missed += (batch.missed ?? 0) + batch.missedBehind;
      hasMore = batch.hasMore;
      for (const { entry } of batch.entries) {
        for (const { type, ids } of entry.groups) {
          if (type === "flow_ended") continue;
          for (const id of ids) {
            if (type !== undefined) this.last.set(id, type);
            this.ids.add(id);
          }
        }
      }
    }
  }

  /**
   * Returns the tasks whose last event does not match their state. @param states the states of all tasks of the queue
   */
  wrong(states: Iterable<readonly [id: string, state: string]>): string[] {
    return [...states].flatMap(([id, state]) => {
      const event = this.last.get(id);
      return event !== undefined && STATES[event].test(state) ? [] : [`${id} is ${state} after ${event}`];
    });
  }
}
