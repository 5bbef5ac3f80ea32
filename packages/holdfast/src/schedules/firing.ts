import type { RunOutcome, TaskSchedule } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { type Announcement, ScheduleStore, type StoredSchedule } from "../engine/schedule-store.ts";
import { decideDue, isDue, nextAfter } from "./decide.ts";
import { isOvertaken, occurrenceId, TaskPlace } from "./task-place.ts";

/** The outcome of an occurrence, as the janitor reports it in an event. */
export interface ScheduleRunEvent {
  /** The id of the schedule. */
  scheduleId: string;
  /** The queue of its tasks. */
  queue: string;
  /** The time of the occurrence, ms since the epoch. */
  at: number;
  /** `refused`: the queue is full, and the next sweep tries again. */
  outcome: RunOutcome | "refused";
  /** The task of the occurrence; null if there is none. */
  taskId: string | null;
  /** The time from the occurrence to the decision, ms. */
  lagMs: number;
}

export interface FiringOptions {
  client: Holdfast;
  onRun: (event: ScheduleRunEvent) => void;
  /** Returns the time, ms since the epoch; 0 for Redis time. Only tests give it. */
  clockMs?: (() => number) | undefined;
  /** Is sent with each search for schedules that are due, so that operators see which janitors run. */
  announcement?: Announcement | undefined;
}

const CALL_SCHEDULES = 100;
// A sweep makes at most this many calls, because each call may return the same schedules again, for example while their
// queues are full.
const CALLS_PER_SWEEP = 20;

/**
 * Enqueues the tasks of schedules that are due, in two steps. Several janitors may take a step at the same time, and
 * may die during it. First one janitor writes the plan: the times that are owed, whose tasks have to be enqueued, and
 * the next time. Then any janitor enqueues these tasks and notes that. The id of the task and the request id make sure
 * that each occurrence becomes one task.
 */
export class ScheduleFiring {
  readonly #store: ScheduleStore;
  readonly #place: TaskPlace;
  readonly #onRun: FiringOptions["onRun"];
  readonly #announcement: Announcement | undefined;

  constructor(options: FiringOptions) {
    this.#store = new ScheduleStore(options.client.connection, options.client.prefix, options.clockMs);
    this.#place = new TaskPlace(options.client);
    this.#onRun = options.onRun;
    this.#announcement = options.announcement;
  }

  /**
   * Handles the schedules that are due. @returns ms until the next occurrence, -1 if there is none
   * @throws the first error, after all schedules that are due were handled
   */
  async runOnce(isStopped: () => boolean = () => false): Promise<number> {
    let failure: unknown;
    const stuck = new Set<string>();
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const { now, nextInMs, schedules } = await this.#store.due(CALL_SCHEDULES, this.#announcement);
      const open = schedules.filter(({ id }) => !stuck.has(id));
      for (const schedule of open) {
        if (isStopped()) return nextInMs;
        try {
          if (!(await this.#fire(schedule, now))) stuck.add(schedule.id);
        } catch (error) {
          stuck.add(schedule.id);
          failure ??= error;
        }
      }
      if (open.length === 0 || stuck.size >= CALL_SCHEDULES) {
        if (failure !== undefined) throw failure;
        return nextInMs;
      }
    }
    if (failure !== undefined) throw failure;
    return 0;
  }

  /** @returns false if an occurrence still has to be enqueued, but cannot be now */
  async #fire(schedule: StoredSchedule, now: number): Promise<boolean> {
    if (schedule.record.owed.length > 0) return this.#settleOwed(schedule, now);
    return isDue(schedule, now) ? this.#plan(schedule, now) : true;
  }

  async #plan(schedule: StoredSchedule, now: number): Promise<boolean> {
    const { id, definition, record } = schedule;
    const { owed, runs } = await decideDue(schedule, now, this.#place);
    // The next time is searched from now on, because after a very long outage not all occurrences were looked at.
    const nextAt = nextAfter(definition, record.count + owed.length, now);
    const next = { nextAt, owed, count: record.count + owed.length };
    // Another janitor has planned the occurrences meanwhile. The next call finds what still has to be enqueued.
    if ((await this.#store.plan(schedule, { ...next, runs })) === "changed") return true;
    for (const { at, outcome } of runs)
      this.#onRun({ scheduleId: id, queue: definition.queue, at, outcome, taskId: null, lagMs: now - at });
    return this.#settleOwed({ ...schedule, record: { ...record, ...next } }, now);
  }

  async #settleOwed({ id, definition, record }: StoredSchedule, now: number): Promise<boolean> {
    for (const [place, at] of record.owed.entries()) {
      const event = { scheduleId: id, queue: definition.queue, at, lagMs: Math.max(0, now - at) };
      // The last time that is owed is the last one that was counted. Earlier versions did not count.
      const run = Math.max(1, record.count - (record.owed.length - 1 - place));
      const enqueued = await this.#enqueue(definition, { id, run, dueAt: at }, now);
      if (enqueued === null) continue;
      if (enqueued.outcome === "full") {
        this.#onRun({ ...event, outcome: "refused", taskId: null });
        return false;
      }
      const { taskId } = enqueued;
      const outcome = enqueued.outcome === "duplicate" ? "enqueued" : enqueued.outcome;
      const noted = await this.#store.settle(id, { at, outcome, taskId, manual: false });
      if (noted) this.#onRun({ ...event, outcome, taskId });
    }
    return true;
  }

  /** Returns null if another janitor has enqueued the task. */
  async #enqueue(definition: StoredSchedule["definition"], occurrence: TaskSchedule, now: number) {
    const { id, dueAt: at } = occurrence;
    const taskId = occurrenceId(id, at);
    try {
      return await this.#place.enqueue(definition, taskId, occurrence, now, this.#place.requestOf(id, at));
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      // Redis has answered a later occurrence already, so this one should have been enqueued and noted before. If it is
      // still owed, it was not, for example because the clock was set back.
      const current = await this.#store.get(id);
      if (!current?.record.owed.includes(at)) return null;
      return this.#place.enqueue(definition, taskId, occurrence, now);
    }
  }
}
