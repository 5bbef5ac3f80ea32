import type { ScheduleRun } from "@holdfast/contracts";
import type { StoredSchedule } from "../engine/schedule-store.ts";
import { timesOfSchedule } from "./cron.ts";
import { planRuns } from "./plan.ts";
import type { TaskPlace } from "./task-place.ts";

/**
 * A decision about the due occurrences: the times whose tasks have to be enqueued (`owed`), and the skipped runs.
 */
export interface Decision {
  owed: number[];
  runs: ScheduleRun[];
}

/** Returns whether there are due occurrences about which no janitor has decided yet. */
export const isDue = ({ record }: StoredSchedule, now: number) => record.nextAt > 0 && record.nextAt <= now;

/** Decides about the due occurrences, by the policies of the schedule. */
export async function decideDue(schedule: StoredSchedule, now: number, place: TaskPlace): Promise<Decision> {
  const { missed, overlap, limit } = schedule.definition;
  const { times: due } = timesOfSchedule(schedule.definition).between(schedule.record.nextAt, now);
  const previousRuns = overlap === "skip" && (await hasUnfinishedRun(schedule, place));
  const plan = planRuns({ due, now, missed, overlap, previousRuns });
  const runs = [
    ...plan.missed.map((at) => ({ at, outcome: "missed" as const })),
    ...plan.overlapped.map((at) => ({ at, outcome: "overlapped" as const })),
  ].sort((a, b) => a.at - b.at);
  const left = Math.max(0, (limit ?? Number.POSITIVE_INFINITY) - schedule.record.count);
  return {
    owed: plan.enqueue.slice(0, left),
    runs: runs.map((run) => ({ ...run, taskId: null, manual: false })),
  };
}

async function hasUnfinishedRun({ definition, record }: StoredSchedule, place: TaskPlace): Promise<boolean> {
  if (record.owed.length > 0) return true;
  const previous = record.runs.findLast((run) => run.taskId !== null);
  if (!previous?.taskId) return false;
  const state = await place.stateOf(definition.queue, previous.taskId);
  return state === "scheduled" || state === "pending" || state === "processing";
}

/** Returns the next occurrence after a time, ms since the epoch; 0 if there is none, or if the limit is reached. */
export function nextAfter(definition: StoredSchedule["definition"], count: number, ms: number): number {
  if (definition.limit !== null && count >= definition.limit) return 0;
  return timesOfSchedule(definition).after(ms) ?? 0;
}
