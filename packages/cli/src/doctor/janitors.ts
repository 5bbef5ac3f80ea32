import type { ScheduleView } from "holdfast";
import { counted, duration } from "../values.ts";
import { type Finding, ok, problem } from "./finding.ts";

// How late a schedule may be before it counts as overdue, ms. It is late for a few seconds while a janitor is
// replaced.
const OVERDUE_MS = 15_000;
export const START_A_JANITOR = "start the janitor service, with the same Redis and QUEUE_PREFIX";

/** @param janitors the ids of the running janitors */
export function checkJanitors(janitors: readonly string[], queues: number, schedules: number): Finding[] {
  if (janitors.length > 0) return [ok("janitors", `${janitors.length} running`)];
  if (queues + schedules === 0) return [];
  return [
    problem(
      "janitors",
      "no janitor runs: tasks of dead workers, retries, delayed tasks and schedules are stuck",
      START_A_JANITOR,
    ),
  ];
}

export function checkSchedules(schedules: readonly ScheduleView[], now: number): Finding[] {
  if (schedules.length === 0) return [];
  const overdue = overdueOf(schedules, now);
  if (overdue === null)
    return [ok("schedules", `${counted(schedules.length, "schedule", "schedules")}, none overdue`)];
  return [problem("schedules", overdue, `${START_A_JANITOR}, or read the log of the running one`)];
}

/** One sentence about overdue schedules; null if there are none. */
export function overdueOf(schedules: readonly ScheduleView[], now: number): string | null {
  const late = schedules
    .flatMap(({ id, nextAt }) => (nextAt === null ? [] : [{ id, lateMs: now - nextAt }]))
    .filter(({ lateMs }) => lateMs > OVERDUE_MS)
    .sort((a, b) => b.lateMs - a.lateMs);
  const [first] = late;
  if (!first) return null;
  const others = late.length === 1 ? "" : `, and ${late.length - 1} more`;
  return `schedule ${first.id} has been due for ${duration(first.lateMs)}${others}: no janitor has run it`;
}
