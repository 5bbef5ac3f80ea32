import type { ScheduleRun } from "@holdfast/contracts";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";
import {
  decodeScheduleRuns,
  encodeRun,
  type ScheduleDefinition,
  type ScheduleRuns,
} from "./schedule-runs.ts";

export interface StoredSchedule {
  id: string;
  definition: ScheduleDefinition;
  /** The stored text. A write compares it, so that it does not overwrite a change by somebody else. */
  definitionText: string;
  record: ScheduleRuns;
}

/** A decision: the next time (ms since the epoch, 0 for none), times to enqueue (`owed`) and skipped runs. */
export interface SchedulePlan {
  nextAt: number;
  owed: readonly number[];
  runs: readonly ScheduleRun[];
}

/** Tells that a janitor enqueues the tasks of schedules. It counts as running for the next `aliveMs`. */
export interface Announcement {
  janitorId: string;
  aliveMs: number;
}

/** Stores schedules in Redis: one typed method per script. */
export class ScheduleStore {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;
  readonly #clockMs: () => number;

  /** @param clockMs for tests: the time to use instead of the time of Redis @default 0: the time of Redis */
  constructor(connection: Connection, prefix = "queue", clockMs: () => number = () => 0) {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
    this.#clockMs = clockMs;
  }

  #run<Args, Reply>(script: Script<Args, SystemKeys>, args: Args): Promise<Reply> {
    return this.#connection.script<Args, Reply, SystemKeys>(script, this.#keys, args);
  }

  async now(): Promise<number> {
    const fixed = this.#clockMs();
    if (fixed !== 0) return fixed;
    const [seconds, micros] = await this.#connection.command<[string, string]>("TIME");
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  async get(id: string): Promise<StoredSchedule | null> {
    const [definition, record] = await this.#connection.command<(string | null)[]>(
      "HMGET",
      this.#keys.schedules,
      `d${id}`,
      `r${id}`,
    );
    return definition ? stored(id, definition, record ?? "") : null;
  }

  async list(): Promise<StoredSchedule[]> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#keys.schedules);
    const fields = new Map<string, string>();
    for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string);
    return [...fields]
      .filter(([field]) => field.startsWith("d"))
      .map(([field, text]) => stored(field.slice(1), text, fields.get(`r${field.slice(1)}`) ?? ""))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Returns the schedules that are due, and in how many ms the next one is due; -1 if there is no other one. */
  async due(
    limit: number,
    janitor: Announcement = { janitorId: "", aliveMs: 0 },
  ): Promise<{ now: number; nextInMs: number; schedules: StoredSchedule[] }> {
    const [now, nextInMs, ...rest] = await this.#run<scripts.SchedulesDueArgs, [number, number, ...string[]]>(
      scripts.schedulesDueScript,
      { clockMs: this.#clockMs(), limit, ...janitor },
    );
    const schedules: StoredSchedule[] = [];
    for (let i = 0; i + 2 < rest.length; i += 3)
      schedules.push(stored(rest[i] as string, rest[i + 1] as string, rest[i + 2] as string));
    return { now, nextInMs, schedules };
  }

  /**
   * Writes a schedule.
   * @param seen the stored schedule that the caller has read; null if there was none
   * @param next the next time and the decisions that belong to it; null leaves the next time as it is
   * @returns "changed" if somebody else has written the schedule, or decided about the due times, since it was read
   */
  put(
    id: string,
    seen: StoredSchedule | null,
    definition: ScheduleDefinition,
    next: SchedulePlan | null,
  ): Promise<"written" | "changed"> {
    return this.#run(scripts.schedulePutScript, {
      scheduleId: id,
      expected: seen?.definitionText ?? "",
      definition: JSON.stringify(definition),
      revision: definition.revision,
      expectedAt: seen?.record.nextAt ?? 0,
      ...planArgs(next ?? { nextAt: -1, owed: [], runs: [] }),
    });
  }

  async delete(id: string): Promise<boolean> {
    const args = { scheduleId: id };
    return (await this.#run<scripts.ScheduleDeleteArgs, number>(scripts.scheduleDeleteScript, args)) === 1;
  }

  /** Stores a decision. @returns "changed" if another janitor has decided, or the schedule was written meanwhile */
  plan(
    { id, definition, record }: Pick<StoredSchedule, "id" | "definition" | "record">,
    plan: SchedulePlan,
  ): Promise<"planned" | "changed"> {
    return this.#run(scripts.schedulePlanScript, {
      scheduleId: id,
      revision: definition.revision,
      expectedAt: record.nextAt,
      ...planArgs(plan),
    });
  }

  /** Stores that the task of a run was enqueued. @returns false if another process has stored this already */
  async settle(id: string, run: ScheduleRun): Promise<boolean> {
    const args = { scheduleId: id, at: run.manual ? "" : String(run.at), run: encodeRun(run) };
    return (await this.#run<scripts.ScheduleSettleArgs, number>(scripts.scheduleSettleScript, args)) === 1;
  }
}

const planArgs = ({ nextAt, owed, runs }: SchedulePlan) => ({
  nextAt,
  owed: owed.length > 0 ? owed.join(",") : "-",
  runs: runs.map(encodeRun).join("\n"),
});

function stored(id: string, definitionText: string, record: string): StoredSchedule {
  // Definitions of earlier versions lack these fields.
  const definition = {
    startAt: null,
    endAt: null,
    limit: null,
    ...JSON.parse(definitionText),
  } as ScheduleDefinition;
  return { id, definition, definitionText, record: decodeScheduleRuns(record) };
}
