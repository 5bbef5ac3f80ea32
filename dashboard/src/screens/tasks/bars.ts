import type { AttemptView, TaskView } from "@holdfast/contracts";
import type { TaskDetail } from "@holdfast/contracts/api";
import { plural, t } from "@lingui/core/macro";
import { timelineOf } from "./timeline-entries.ts";

/** The kinds of periods in the life of a task: what it did or waited for. */
export type SpanKind = "delayed" | "queued" | "backoff" | "flow" | "step" | "suspended" | "run" | "dead";

export interface Span {
  kind: SpanKind;
  /** The period as a phrase, such as `waited in the queue`. */
  what: string;
  from: number;
  to: number;
  /** Whether the period has not ended yet. Then `to` is the current time. */
  isOpen: boolean;
  /** The latest end of a wait that has not ended; null if it is unknown. */
  until: number | null;
  /** The attempt that ran in this period; null for a wait. */
  attempt: AttemptView | null;
}

/** An event that has a time but no duration. */
export interface Moment {
  kind: "replayed" | "changed";
  at: number;
  what: string;
}

/** A row of the time line. */
export interface BarRow {
  key: string;
  label: string;
  spans: Span[];
  moments: Moment[];
  /** A text that is shown instead of bars if the times are not known. */
  note: string | null;
}

type Step = NonNullable<TaskDetail["steps"]>["steps"][number];

const span = (kind: SpanKind, what: string, from: number, to: number, more: Partial<Span> = {}): Span => ({
  ...{ kind, what, from, to: Math.max(from, to), isOpen: false, until: null, attempt: null },
  ...more,
});

/** Returns the element id of an attempt in the list of attempts. */
export const entryIdOf = ({ generation, attempt, fence }: AttemptView): string =>
  `attempt-${generation}.${attempt}.${fence}`;

/**
 * Returns the rows of the time line, oldest first: one for each attempt with the wait before it, one for each replay,
 * and one for the current wait.
 */
export function barRows(task: TaskDetail, now: number): BarRow[] {
  const rows: BarRow[] = [];
  const steps = (task.steps?.steps ?? []).filter(({ outcome }) => outcome !== "open");
  /** The end of the last period on the time line; null if it is unknown. */
  let last: number | null = task.enqueuedAt;
  let isRetry = false;
  for (const entry of timelineOf(task, now)) {
    if (entry.kind === "missing") {
      rows.push({ ...rowOf("missing", t`Earlier attempts`), note: t`not kept any more` });
      last = null;
    } else if (entry.kind === "replayed") {
      const { at, generation } = entry;
      const row = rowOf(`replay ${generation}`, t`Replay ${generation}`);
      if (at === null) row.note = t`at an unknown time`;
      else {
        row.moments.push({ kind: "replayed", at, what: t`replay ${generation}` });
        // If no attempt before the replay is known, nobody knows when the task died.
        if (last !== null && last !== task.enqueuedAt && last < at)
          row.spans.push(span("dead", t`was a dead letter`, last, at));
      }
      rows.push(row);
      last = at;
      isRetry = false;
    } else if (entry.kind === "attempt") {
      const { attempt, wait, runMs } = entry;
      const { startedAt, endedAt } = attempt;
      const row = rowOf(entryIdOf(attempt), t`Attempt ${attempt.attempt}`);
      if (wait !== null) row.spans.push(...waitSpans(task, steps, startedAt - wait.ms, startedAt, isRetry));
      row.spans.push(
        span("run", endedAt === null ? t`runs` : t`ran`, startedAt, startedAt + runMs, {
          attempt,
          isOpen: endedAt === null,
        }),
      );
      rows.push(row);
      last = endedAt;
      isRetry = attempt.outcome === "failed";
    }
  }
  const present = presentRow(task, steps, last, now, isRetry);
  if (present !== null) rows.push(present);
  if (task.changes !== null) {
    const { lastAt, fields, by, count } = task.changes;
    const names = fields.join(", ");
    const times = plural(count, { one: "once", other: "# times" });
    const what = t`changed ${times}: ${names}; last by ${by}`;
    rows.push({ ...rowOf("changed", t`Changed`), moments: [{ kind: "changed", at: lastAt, what }] });
  }
  return rows;
}

const rowOf = (key: string, label: string): BarRow => ({ key, label, spans: [], moments: [], note: null });

/** Returns the row of the current wait, which has not led to an attempt yet. */
function presentRow(
  task: TaskDetail,
  steps: readonly Step[],
  last: number | null,
  now: number,
  isRetry: boolean,
): BarRow | null {
  if (last === null || task.state === "processing" || task.state === "completed" || task.state === "dead")
    return null;
  const isOver = task.state === "cancelled" || task.state === "expired";
  const end = isOver ? (task.endedAt ?? now) : now;
  if (isOver && end <= last) return null;
  const row = rowOf("present", isOver ? t`Until its end` : t`Now`);
  row.spans.push(...waitSpans(task, steps, last, end, isRetry));
  const open = row.spans.at(-1);
  if (isOver || open === undefined) return row;
  const [kind, what] = presentWait(task, isRetry);
  row.spans[row.spans.length - 1] = {
    ...open,
    ...{ kind, what, isOpen: true, until: task.state === "scheduled" ? task.runAt : null },
  };
  return row;
}

function presentWait(task: TaskView, isRetry: boolean): [SpanKind, string] {
  if (task.state === "waiting") return ["flow", t`waits for other tasks of its flow`];
  if (task.state !== "scheduled")
    return isRetry ? ["backoff", WAITED.backoff()] : ["queued", t`waits in the queue`];
  if (task.waitsFor !== null)
    return ["suspended", task.waitsFor.length === 0 ? t`sleeps` : t`waits for a signal or another task`];
  return isRetry ? ["backoff", t`backoff before the next attempt`] : ["delayed", t`waits until it is due`];
}

const WAITED = {
  queued: () => t`waited in the queue`,
  backoff: () => t`backoff, then wait in the queue`,
  delayed: () => t`waited until it was due`,
} as const;

const SUSPENDED = {
  sleep: (step: string) => t`slept: ${step}`,
  wait: (step: string) => t`waited for a signal: ${step}`,
  call: (step: string) => t`waited for a called task: ${step}`,
} as const;

/**
 * Splits the time before an attempt into periods. The record of a task does not keep a run that ended in a sleep or a
 * wait, so the periods are derived from the times of the steps.
 */
function waitSpans(
  task: TaskView,
  steps: readonly Step[],
  from: number,
  to: number,
  isRetry: boolean,
): Span[] {
  const spans: Span[] = [];
  let at = from;
  if (!isRetry && from === task.enqueuedAt && task.runAt !== null && task.runAt > from && task.runAt <= to) {
    spans.push(span("delayed", WAITED.delayed(), from, task.runAt));
    at = task.runAt;
  }
  let plain: string[] = [];
  let plainTo = at;
  const flush = () => {
    if (plain.length === 0) return;
    const [first = ""] = plain;
    const end = plain.at(-1) ?? "";
    const what =
      plain.length > 1 ? t`until the end of the steps ${first} to ${end}` : t`until the end of step ${first}`;
    spans.push(span("step", what, at, plainTo));
    at = plainTo;
    plain = [];
  };
  for (const step of steps) {
    if (step.at <= at || step.at > to) continue;
    if (step.kind === "step") {
      plain.push(step.name);
      plainTo = step.at;
    } else {
      flush();
      spans.push(span("suspended", SUSPENDED[step.kind](step.name), at, step.at));
      at = step.at;
    }
  }
  flush();
  const kind = isRetry && spans.length === 0 ? "backoff" : "queued";
  if (at < to || spans.length === 0) spans.push(span(kind, WAITED[kind](), at, to));
  return spans;
}

/** Maps a time to a position, from 0 at the left to 1 at the right. */
export interface Scale {
  at(time: number): number;
  from: number;
  to: number;
  /** False if long periods are drawn shorter than they were. */
  isToScale: boolean;
}

/** The least share of the width for a period, unless there are very many periods. */
const SMALLEST_SHARE = 0.02;

/**
 * Makes a scale on which every period can be seen. If some would be too short to see, long periods are drawn shorter:
 * the width is a power of the duration. So a longer period never gets less width than a shorter one.
 */
export function scaleOf(rows: readonly BarRow[], isExact: boolean): Scale {
  const times = rows.flatMap(({ spans, moments }) => [
    ...spans.flatMap(({ from, to }) => [from, to]),
    ...moments.map(({ at }) => at),
  ]);
  const edges = [...new Set(times)].sort((a, b) => a - b);
  const lengths = edges.slice(1).map((edge, place) => edge - (edges[place] as number));
  const wanted = Math.min(SMALLEST_SHARE, 0.4 / Math.max(1, lengths.length));
  const exponent = isExact ? 1 : exponentFor(lengths, wanted);
  const widths = lengths.map((ms) => ms ** exponent);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const places = [0];
  for (const width of widths) places.push((places.at(-1) as number) + width / total);
  const [from = 0, to = 0] = [edges[0], edges.at(-1)];
  return {
    from,
    to,
    isToScale: exponent === 1,
    at(time) {
      if (total === 0 || time <= from) return 0;
      if (time >= to) return 1;
      let low = 0;
      while ((edges[low + 1] as number) < time) low += 1;
      const inside = (time - (edges[low] as number)) / (lengths[low] as number);
      return (places[low] as number) + inside * ((places[low + 1] as number) - (places[low] as number));
    },
  };
}

/** Returns the largest exponent, at most 1, with which the shortest period gets the wanted share of the width. */
function exponentFor(lengths: readonly number[], wanted: number): number {
  if (lengths.length === 0) return 1;
  const shortest = Math.min(...lengths);
  const fits = (exponent: number) =>
    shortest ** exponent / lengths.reduce((sum, ms) => sum + ms ** exponent, 0) >= wanted;
  if (fits(1)) return 1;
  let [low, high] = [0, 1];
  for (let round = 0; round < 20; round++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Chooses the times to write below the bars: starts and ends of periods that are far enough apart. */
export function ticksOf(rows: readonly BarRow[], scale: Scale, apart: number): number[] {
  const times = rows.flatMap(({ spans }) => spans.flatMap(({ from, to }) => [from, to]));
  const ticks: number[] = [];
  let before = 0;
  for (const time of [...new Set(times)].sort((a, b) => a - b)) {
    const share = scale.at(time);
    if (share - before < apart || share > 1 - apart) continue;
    ticks.push(time);
    before = share;
  }
  return ticks;
}
