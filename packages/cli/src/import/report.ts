import type { Output } from "../output.ts";
import { tableLines } from "../output.ts";
import { withCommas } from "../values.ts";
import type { MovedState } from "./bullmq-job.ts";
import type { LeftState, Scheduler } from "./bullmq-source.ts";

/**
 * How many jobs of one state were moved, and how many were not. Each job counts once: as moved, alreadyThere, skipped
 * or refused.
 */
export interface StateCounts {
  state: MovedState;
  read: number;
  /** How many tasks this run has stored in the target queue. In a dry run: how many it would have stored. */
  moved: number;
  /** How many tasks an earlier run has stored. */
  alreadyThere: number;
  /** How many jobs were not moved: children of flows, next runs of schedulers, and jobs removed meanwhile. */
  skipped: number;
  /** How many jobs Holdfast refused to store. The notes give the reasons. */
  refused: number;
  /** How many jobs were removed from BullMQ. */
  removed: number;
}

/** Something that the user has to know about some jobs, such as an option that was dropped. */
export interface Note {
  kind: "changed" | "skipped" | "refused" | "kept";
  text: string;
  jobs: number;
  /** The ids of the first jobs that the note concerns. */
  ids: string[];
}

export interface ImportReport {
  from: string;
  queue: string;
  to: string;
  dryRun: boolean;
  states: StateCounts[];
  /** How many jobs stay in BullMQ because jobs in their state are never moved: state -> number. */
  left: Record<LeftState, number>;
  schedulers: Scheduler[];
  notes: Note[];
}

const NAMED_IDS = 5;

/** Collects notes about jobs. Jobs with the same problem share one note, because 100,000 jobs may have it. */
export class Notes {
  readonly #notes = new Map<string, Note>();

  add(kind: Note["kind"], text: string, jobId: string): void {
    const key = `${kind} ${text}`;
    const note = this.#notes.get(key) ?? { kind, text, jobs: 0, ids: [] };
    note.jobs++;
    if (note.ids.length < NAMED_IDS) note.ids.push(jobId);
    this.#notes.set(key, note);
  }

  get all(): Note[] {
    return [...this.#notes.values()];
  }
}

const LEFT_TEXT: Record<LeftState, string> = {
  active: "active: their worker has them",
  completed: "completed: done",
  waitingChildren: "waiting for children: flows are not moved",
};

export function printReport(out: Output, report: ImportReport): void {
  if (out.format !== "table") {
    out.json(report, out.format === "json" ? 2 : 0);
    return;
  }
  const count = (title: string, cell: (row: StateCounts) => number) => ({
    title,
    cell: (row: StateCounts) => withCommas(cell(row)),
    right: true,
  });
  const lines = tableLines(report.states, [
    { title: "STATE", cell: ({ state }) => state },
    count("READ", ({ read }) => read),
    count(report.dryRun ? "WOULD MOVE" : "MOVED", ({ moved }) => moved),
    count("ALREADY THERE", ({ alreadyThere }) => alreadyThere),
    count("SKIPPED", ({ skipped }) => skipped),
    count("REFUSED", ({ refused }) => refused),
    count("REMOVED", ({ removed }) => removed),
  ]);
  for (const line of lines) out.line(line);
  for (const [state, text] of Object.entries(LEFT_TEXT)) {
    const jobs = report.left[state as LeftState];
    if (jobs > 0) out.say(`not moved: ${withCommas(jobs)} ${text}`);
  }
  if (report.schedulers.length > 0) out.say("not moved: job schedulers; make schedules of them:");
  for (const { id, name, pattern, everyMs, timeZone } of report.schedulers)
    out.say(
      `  ${id} (${name}): ${pattern ?? `every ${everyMs} ms`}${timeZone === null ? "" : ` ${timeZone}`}`,
    );
  for (const { kind, text, jobs, ids } of report.notes)
    out.say(
      `${kind}: ${withCommas(jobs)} ${jobs === 1 ? "job" : "jobs"} (${ids.join(", ")}${jobs > ids.length ? ", …" : ""}): ${text}`,
    );
}
