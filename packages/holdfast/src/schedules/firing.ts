import type { RunOutcome, TaskSchedule } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { type Announcement, ScheduleStore, type StoredSchedule } from "../engine/schedule-store.ts";
import { decideDue, isDue, nextAfter } from "./decide.ts";
import { isOvertaken, occurrenceId, TaskPlace } from "./task-place.ts";

/** What a janitor did about an occurrence of a schedule. */
export interface ScheduleRunEvent {
  /** The id of the schedule. */
  scheduleId: string;
  /** The queue that gets the task. */
  queue: string;
  /** The time of the occurrence, ms since the epoch. */
  at: number;
  /** The outcome. `refused`: the queue is full, and the next sweep tries again. */
  outcome: RunOutcome | "refused";
  /** The id of the task; null if none was enqueued. */
  taskId: string | null;
  /** How long after its time the occurrence was handled, ms. */
  lagMs: number;
}

export interface FiringOptions {
  client: Holdfast;
  onRun: (event: ScheduleRunEvent) => void;
  /** For tests: returns the time to use instead of the time of Redis, ms since the epoch; 0: the time of Redis. */
  clockMs?: (() => number) | undefined;
  /** Sent with each search for due schedules, so that operators see which janitors run. */
  announcement?: Announcement | undefined;
}

const CALL_SCHEDULES = 100;
// A sweep makes at most this many calls. Calls may return the same schedules again, for example if their queues are
// full.
const CALLS_PER_SWEEP = 20;

/**
 * Enqueues the tasks of due schedules, in two steps. First a janitor stores a plan: the times that are "owed", which
 * means that their tasks have to be enqueued, and the next time. Then any janitor enqueues these tasks and stores that
 * it has. Several janitors may do the same step, and may die during it: the task id and the request id make sure that
 * each occurrence becomes one task.
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
   * Handles the due schedules. @returns ms until the next occurrence, -1 if there is none
   * @throws the first error, after all due schedules were handled
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

  /** Handles one schedule. @returns false if an occurrence has to be enqueued later, because it cannot be now */
  async #fire(schedule: StoredSchedule, now: number): Promise<boolean> {
    if (schedule.record.owed.length > 0) return this.#settleOwed(schedule, now);
    return isDue(schedule, now) ? this.#plan(schedule, now) : true;
  }

  async #plan(schedule: StoredSchedule, now: number): Promise<boolean> {
    const { id, definition, record } = schedule;
    const { owed, runs } = await decideDue(schedule, now, this.#place);
    // The search for the next time starts at the present time, because after a very long outage not all missed
    // occurrences were computed.
    const nextAt = nextAfter(definition, record.count + owed.length, now);
    const next = { nextAt, owed, count: record.count + owed.length };
    // If another janitor has stored a plan meanwhile, the next call finds what still has to be enqueued.
    if ((await this.#store.plan(schedule, { ...next, runs })) === "changed") return true;
    for (const { at, outcome } of runs)
      this.#onRun({ scheduleId: id, queue: definition.queue, at, outcome, taskId: null, lagMs: now - at });
    return this.#settleOwed({ ...schedule, record: { ...record, ...next } }, now);
  }

  async #settleOwed({ id, definition, record }: StoredSchedule, now: number): Promise<boolean> {
    for (const [place, at] of record.owed.entries()) {
      const event = { scheduleId: id, queue: definition.queue, at, lagMs: Math.max(0, now - at) };
      // The last owed time has the number `count`. Earlier versions did not store `count`.
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

  /** Enqueues the task of an occurrence. Returns null if another janitor has done so. */
  async #enqueue(definition: StoredSchedule["definition"], occurrence: TaskSchedule, now: number) {
    const { id, dueAt: at } = occurrence;
    const taskId = occurrenceId(id, at);
    try {
      return await this.#place.enqueue(definition, taskId, occurrence, now, this.#place.requestOf(id, at));
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      // A later occurrence was enqueued already, so normally this one was too. If it is still owed, it was not, for
      // example because the clock was set back, and is enqueued now.
      const current = await this.#store.get(id);
      if (!current?.record.owed.includes(at)) return null;
      return this.#place.enqueue(definition, taskId, occurrence, now);
    }
  }
}
