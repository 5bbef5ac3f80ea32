import {
  HoldfastError,
  type ScheduleInput,
  type ScheduleRun,
  type ScheduleView,
  type TaskState,
} from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { clientKind, clientOf, type Holdfast } from "../client.ts";
import { ownerProblem, prefixKind, redisHints, redisKind } from "../client-options.ts";
import { checkQueueName, checkScheduleId } from "../engine/names.ts";
import type { ScheduleDefinition, ScheduleRuns } from "../engine/schedule-runs.ts";
import { type SchedulePlan, ScheduleStore, type StoredSchedule } from "../engine/schedule-store.ts";
import { callback, isText } from "../options/kinds.ts";
import { checkShape, type Merged, shapeOf } from "../options/shape.ts";
import type { RedisOption } from "../redis/settings.ts";
import { cronTimes, timesOfSchedule } from "./cron.ts";
import { decideDue, isDue, nextAfter } from "./decide.ts";
import { checkSchedule } from "./definition.ts";
import { TaskPlace } from "./task-place.ts";

/** Options of `Schedules`: either a client to share, or a Redis to connect to. */
export type SchedulesOptions = (
  | {
      /** A client that is shared. It is not closed by `close`. */
      client: Holdfast;
    }
  | {
      /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are then used. */
      redis: RedisOption;
      /** The first part of every Redis key. @default "queue" */
      prefix?: string | undefined;
    }
) & {
  /** For tests: returns the time to use, ms since the epoch. @default the time of Redis */
  clockMs?: (() => number) | undefined;
};

export const schedulesShape = shapeOf<Merged<SchedulesOptions>>({
  what: "Schedules",
  title: "Schedules",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: { client: clientKind, redis: redisKind, prefix: prefixKind, clockMs: callback },
  hints: redisHints,
  rule: ownerProblem as (options: Merged<SchedulesOptions>) => string | undefined,
});

export const scheduleListShape = shapeOf<{ queue?: string | undefined }>({
  what: "a list of schedules",
  title: "List of schedules",
  kinds: { queue: { wants: "the name of a queue", is: isText, code: "invalid_queue_name" } },
});

const NEXT_RUNS = 5;
const TRIES = 10;

/**
 * The schedules of all queues: cron expressions with a time zone. Janitors enqueue the tasks, one for each occurrence.
 * The task of an occurrence has the id `<scheduleId>:<time in ms>`.
 */
export class Schedules {
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #store: ScheduleStore;
  readonly #place: TaskPlace;

  /** @throws HoldfastError invalid_argument */
  constructor(options: SchedulesOptions) {
    checkShape(schedulesShape, options);
    const { client, isOwn } = clientOf(options);
    this.#ownsClient = isOwn;
    this.#client = client;
    this.#store = new ScheduleStore(this.#client.connection, this.#client.prefix, options.clockMs);
    this.#place = new TaskPlace(this.#client);
  }

  /**
   * Describes a cron expression in words, and returns its next five times.
   * @throws HoldfastError invalid_argument that says what is wrong with the expression or the time zone
   */
  static preview(cron: string, timeZone = "UTC", fromMs = Date.now()): { words: string; nextRuns: number[] } {
    const times = cronTimes(cron, timeZone);
    return { words: times.words, nextRuns: times.following(fromMs, NEXT_RUNS) };
  }

  /** Returns the schedules, sorted by id. */
  async list(options: { queue?: string | undefined } = {}): Promise<ScheduleView[]> {
    checkShape(scheduleListShape, options);
    if (options.queue !== undefined) checkQueueName(options.queue);
    await this.#client.check();
    const all = await this.#store.list();
    const wanted = all.filter(
      ({ definition }) => options.queue === undefined || definition.queue === options.queue,
    );
    const now = await this.#store.now();
    return Promise.all(wanted.map((schedule) => this.#view(schedule, now)));
  }

  /** Returns a schedule; null if there is none. @throws HoldfastError invalid_*, redis_* */
  async get(id: string): Promise<ScheduleView | null> {
    checkScheduleId(id);
    await this.#client.check();
    const schedule = await this.#store.get(id);
    return schedule && this.#view(schedule, await this.#store.now());
  }

  /**
   * Writes a schedule; replaces the one with this id if there is one. Its past runs are kept. Its next time is kept
   * too, unless the expression, zone, start, end or limit changes. In that case, occurrences that are due already are
   * still enqueued, by the old definition.
   * @throws HoldfastError invalid_*, payload_too_large, payload_too_deep, conflict (others keep writing the schedule at
   * the same time)
   */
  async put(id: string, input: ScheduleInput): Promise<ScheduleView> {
    checkScheduleId(id);
    const checked = checkSchedule(input);
    await this.#client.check();
    const written = (before: StoredSchedule | null) => ({
      ...checked,
      paused: input.paused ?? before?.definition.paused ?? false,
    });
    return this.#write(id, written, input.immediately);
  }

  /** Deletes a schedule. @returns false if the schedule does not exist */
  async delete(id: string): Promise<boolean> {
    checkScheduleId(id);
    await this.#client.check();
    return this.#store.delete(id);
  }

  /**
   * Pauses a schedule. Its occurrences during the pause are not enqueued, not even later.
   * @throws HoldfastError not_found
   */
  pause(id: string): Promise<ScheduleView> {
    return this.#setPaused(id, true);
  }

  /** Ends the pause of a schedule. @throws HoldfastError not_found */
  resume(id: string): Promise<ScheduleView> {
    return this.#setPaused(id, false);
  }

  /**
   * Enqueues a task of the schedule now, even if the schedule is paused. The occurrences do not change.
   * @throws HoldfastError not_found; conflict: overlap is "skip" and the previous task has not ended; queue_full;
   * unique_conflict: another task holds the unique key
   */
  async run(id: string): Promise<{ id: string; queue: string; taskId: string }> {
    const schedule = await this.#known(id);
    const { definition, record } = schedule;
    const now = await this.#store.now();
    const previous = record.runs.findLast((run) => run.taskId !== null);
    if (definition.overlap === "skip" && previous?.taskId) {
      const state = await this.#place.stateOf(definition.queue, previous.taskId);
      if (state === "scheduled" || state === "pending" || state === "processing")
        throw new HoldfastError(
          "conflict",
          `task ${previous.taskId} of schedule "${id}" is ${state}, and the overlap of the schedule is "skip"`,
        );
    }
    const ownId = `${id}:${now}:${nanoid(6)}`;
    const enqueued = await this.#place.enqueue(definition, ownId, { id, run: null, dueAt: now }, now);
    const { outcome, taskId } = enqueued;
    if (outcome === "full")
      throw new HoldfastError("queue_full", `queue "${definition.queue}" is full`, { retryAfterMs: 1_000 });
    if (outcome === "deduplicated")
      throw new HoldfastError(
        "unique_conflict",
        `task "${taskId}" holds the unique key of schedule "${id}": run it again once that task has ended`,
        { heldBy: taskId },
      );
    const noted = outcome === "replaced" ? outcome : "enqueued";
    await this.#store.settle(id, { at: now, outcome: noted, taskId, manual: true });
    return { id, queue: definition.queue, taskId };
  }

  /** Closes the connection if this object opened it. May be called several times. */
  async close(): Promise<void> {
    if (this.#ownsClient) await this.#client.close();
  }

  async #setPaused(id: string, paused: boolean): Promise<ScheduleView> {
    await this.#known(id);
    return this.#write(id, (before) => {
      if (!before) throw notFound(id);
      return { ...before.definition, paused };
    });
  }

  async #known(id: string): Promise<StoredSchedule> {
    checkScheduleId(id);
    await this.#client.check();
    const schedule = await this.#store.get(id);
    if (!schedule) throw notFound(id);
    return schedule;
  }

  /** Reads, changes and writes a schedule. If somebody else has written it meanwhile, repeats this. */
  async #write(
    id: string,
    change: (
      before: StoredSchedule | null,
    ) => Omit<ScheduleDefinition, "createdAt" | "updatedAt" | "revision">,
    immediately = false,
  ): Promise<ScheduleView> {
    for (let tries = 0; tries < TRIES; tries++) {
      const before = await this.#store.get(id);
      const now = await this.#store.now();
      const definition: ScheduleDefinition = {
        ...change(before),
        createdAt: before?.definition.createdAt ?? now,
        updatedAt: now,
        revision: (before?.definition.revision ?? 0) + 1,
      };
      // The queue is registered before its first task, so that janitors and dashboards see it.
      await this.#place.register(definition.queue);
      const isFirstNow = immediately && before === null && !definition.paused;
      const next = isFirstNow
        ? { nextAt: now, owed: [], runs: [] }
        : await this.#next(before, definition, now);
      if ((await this.#store.put(id, before, definition, next)) === "written") {
        const written = await this.#store.get(id);
        if (written) return this.#view(written, now);
      }
    }
    throw new HoldfastError(
      "conflict",
      `schedule "${id}" was changed by somebody else at the same time: try again`,
    );
  }

  /** Returns the next time, and the due times whose tasks are enqueued; null if the next time is kept. */
  async #next(
    before: StoredSchedule | null,
    definition: ScheduleDefinition,
    now: number,
  ): Promise<SchedulePlan | null> {
    const nothing = { owed: [], runs: [] };
    if (definition.paused) return { nextAt: 0, ...nothing };
    if (before && !before.definition.paused && occurrencesOf(before.definition) === occurrencesOf(definition))
      return null;
    // The next time is later than every time that was decided, even if the clock was set back, so that no time occurs
    // twice.
    const last = Math.max(now, ...(before?.record.owed ?? []), ...timesOf(before));
    // An occurrence of the old expression may be due, although no janitor has handled it yet.
    const due = before && isDue(before, now) ? await decideDue(before, now, this.#place) : nothing;
    const count = (before?.record.count ?? 0) + due.owed.length;
    return { nextAt: nextAfter(definition, count, last), ...due };
  }

  async #view({ id, definition, record }: StoredSchedule, now: number): Promise<ScheduleView> {
    const { revision: _, ...rest } = definition;
    const times = timesOfSchedule(definition);
    const runs = record.runs.toReversed();
    const [last] = runs;
    return {
      id,
      ...rest,
      nextAt: record.nextAt === 0 ? null : record.nextAt,
      count: record.count,
      nextRuns: nextRunsOf(definition, record, now),
      words: times.words,
      lastRun: last ? { ...last, state: await this.#stateOf(definition.queue, last) } : null,
      runs,
    };
  }

  async #stateOf(queue: string, { taskId }: ScheduleRun): Promise<TaskState | null> {
    return taskId === null ? null : this.#place.stateOf(queue, taskId);
  }
}

const timesOf = (schedule: StoredSchedule | null) =>
  (schedule?.record.runs ?? []).filter((run) => !run.manual).map((run) => run.at);

/** Returns a text that is the same for schedules with the same occurrences. */
const occurrencesOf = ({ cron, timeZone, startAt, endAt, limit }: ScheduleDefinition) =>
  `${timeZone} ${startAt} ${endAt} ${limit} ${cron}`;

const KEPT = 1_000;
const known = new Map<string, { from: number; times: number[] }>();

/**
 * Returns the next five times, or fewer if the limit is reached before. Computing them takes 3 ms, so they are cached
 * until the first of them has come.
 */
function nextRunsOf(definition: ScheduleDefinition, { nextAt, count }: ScheduleRuns, now: number): number[] {
  const from = nextAt || now;
  const key = occurrencesOf(definition);
  const cached = known.get(key);
  let times = cached?.times ?? [];
  if (!cached || cached.from > from || (times[0] ?? 0) < from) {
    times = timesOfSchedule(definition).following(from - 1, NEXT_RUNS);
    if (known.size >= KEPT) known.delete(known.keys().next().value as string);
    known.set(key, { from, times });
  }
  // With `immediately`, the first run is not a time of the expression.
  const all = nextAt !== 0 && times[0] !== nextAt ? [nextAt, ...times].slice(0, NEXT_RUNS) : times;
  return definition.limit === null ? all : all.slice(0, Math.max(0, definition.limit - count));
}

function notFound(id: string): HoldfastError {
  return new HoldfastError("not_found", `there is no schedule "${id}"`);
}
