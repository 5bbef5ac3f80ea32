import type { Given, RunOutcome, ScheduleInput, ScheduleRun } from "@holdfast/contracts";

/** A schedule as it is stored, as JSON in the field `d<id>` of the hash of schedules. */
export interface ScheduleDefinition
  extends Required<Omit<Given<ScheduleInput>, "paused" | "startAt" | "endAt" | "limit" | "immediately">> {
  paused: boolean;
  startAt: number | null;
  endAt: number | null;
  limit: number | null;
  createdAt: number;
  updatedAt: number;
  /** Grows with each write, so that a janitor with an outdated definition is refused. */
  revision: number;
}

/** The decoded run record, which `lua/lib/schedule.lua` keeps in the field `r<id>`. */
export interface ScheduleRuns {
  /** The next run, ms since the epoch; 0 for none. */
  nextAt: number;
  revision: number;
  /** Times of runs that were decided and whose tasks may not be enqueued yet. */
  owed: number[];
  /** How many times were ever added to `owed`. */
  count: number;
  /** The last ten runs, oldest first. */
  runs: ScheduleRun[];
}

const OUTCOMES: Record<string, RunOutcome> = {
  e: "enqueued",
  m: "missed",
  o: "overlapped",
  d: "deduplicated",
  r: "replaced",
};

export function encodeRun({ at, outcome, taskId, manual }: ScheduleRun): string {
  return `${at} ${outcome.charAt(0)} ${taskId ?? "-"} ${manual ? 1 : 0}`;
}

export function decodeScheduleRuns(text: string): ScheduleRuns {
  const [head = "", ...lines] = text.split("\n");
  const [nextAt = "0", revision = "0", owed = "-", count = "0"] = head.split(" ");
  return {
    nextAt: Number(nextAt),
    revision: Number(revision),
    owed: owed === "-" ? [] : owed.split(",").map(Number),
    count: Number(count),
    runs: lines.map((line) => {
      const [at, outcome = "", taskId = "-", manual] = line.split(" ");
      return {
        at: Number(at),
        outcome: OUTCOMES[outcome] ?? "missed",
        taskId: taskId === "-" ? null : taskId,
        manual: manual === "1",
      };
    }),
  };
}
