import {
  type Clause,
  clausesOfQuery,
  DEAD_REASONS,
  type DeadReason,
  HoldfastError,
  LISTED_STATES,
  type ListedState,
  type TextField,
  type TimeField,
} from "@holdfast/contracts";
import { clauseMatcher, msOf } from "./clause-matcher.ts";
import type { FilteredTask } from "./query-task.ts";

/** Selects tasks. A task has to match every field that is given. */
export interface TaskFilter {
  /** A query, such as `type:email.* -reason:fatal died:<2h` (docs/queries.md). */
  query?: string;
  /** Only tasks of this type. @default all types */
  type?: string;
  /** One tag of the task, complete. Upper and lower case differ. */
  tag?: string;
  /** The id of a flow, which selects its nodes and callbacks. */
  flow?: string;
  /** A text in the id, type, error, tags or payload. Upper and lower case are the same. */
  q?: string;
  /** A text in the last error. Upper and lower case are the same. */
  error?: string;
  /** The error signature under which the dead letter is counted; `other` for dead letters without one. */
  signature?: string;
  /** Why the task died. */
  reason?: DeadReason;
  /**
   * The earliest time, ms since the epoch: when the task ended, is due (scheduled) or was enqueued (pending,
   * processing).
   */
  from?: number;
  /**
   * The same time has to be earlier than this, ms since the epoch. If the clock was set back, some tasks of the
   * repeated span may be left out.
   */
  to?: number;
}

/** Selects dead letters. An empty filter selects all of them. */
export type DeadLetterFilter = TaskFilter;

const TEXTS = ["type", "tag", "flow", "q", "error", "signature", "reason"] as const;
const TIMES = ["from", "to"] as const;
const KNOWN: ReadonlySet<string> = new Set(["query", ...TEXTS, ...TIMES]);

/** A span of time. A missing limit means that the span is open at that end. */
export interface Span {
  /** Milliseconds since the epoch. */
  from?: number;
  /** Milliseconds since the epoch; the span ends before this time. */
  to?: number;
}

/** A checked filter. Durations in its query are counted from the same time for all tasks. */
export class CompiledFilter {
  readonly #clauses: readonly Clause[];
  readonly #now: number;
  /** Returns whether a task matches. */
  readonly matches: (task: FilteredTask) => boolean;

  /**
   * Checks a filter. Unknown fields are refused, because ignoring one would select more tasks than the caller wants.
   * @param now the time from which durations are counted, ms
   * @throws HoldfastError invalid_argument that names the field; QueryError
   */
  constructor(filter: TaskFilter, now: number) {
    checkFilter(filter);
    this.#clauses = [...clausesOfQuery(filter.query ?? ""), ...clausesOfFields(filter)];
    this.#now = now;
    this.matches = clauseMatcher(this.#clauses, now);
  }

  /** Whether the filter matches every task. */
  get isEverything(): boolean {
    return this.#clauses.length === 0;
  }

  /** The states in which a task can match, in the order in which they are searched. */
  get states(): ListedState[] {
    return LISTED_STATES.filter((state) => this.#clauses.every((clause) => mayHold(clause, state)));
  }

  /** The only ids that can match; undefined if the filter does not name ids. */
  get ids(): string[] | undefined {
    for (const clause of this.#clauses) {
      if (clause.kind !== "text" || clause.field !== "id" || clause.not || clause.isPart) continue;
      if (clause.anyOf.every(({ length }) => length === 1)) return [...new Set(clause.anyOf.flat())];
    }
    return undefined;
  }

  /** Returns whether tasks of this queue can match. */
  admitsQueue(queue: string): boolean {
    const own = this.#clauses.filter((clause) => clause.kind === "text" && clause.field === "queue");
    return clauseMatcher(own, this.#now)({ queue } as FilteredTask);
  }

  /**
   * Returns the span of time outside of which no task in this state can match. The time of a task is the one by which
   * the list of that state is sorted.
   */
  spanOf(state: ListedState): Span {
    const span = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    for (const clause of this.#clauses) {
      if (clause.kind !== "time" || clause.not || !ORDERED_BY[state].includes(clause.field)) continue;
      if (clause.from) span.from = Math.max(span.from, msOf(clause.from, this.#now));
      if (clause.to) span.to = Math.min(span.to, msOf(clause.to, this.#now));
    }
    return {
      ...(span.from > Number.NEGATIVE_INFINITY ? { from: span.from } : {}),
      ...(span.to < Number.POSITIVE_INFINITY ? { to: span.to } : {}),
    };
  }
}

/** The times by which the list of each state is sorted. */
const ORDERED_BY: Record<ListedState, readonly TimeField[]> = {
  scheduled: ["due", "time"],
  pending: [],
  processing: [],
  completed: ["completed", "ended", "time"],
  dead: ["died", "ended", "time"],
  cancelled: ["ended", "time"],
  expired: ["ended", "time"],
};
const ENDED = ["completed", "dead", "cancelled", "expired"];
/** For fields that not every task has: the states whose tasks have them. */
const STATES_WITH: Partial<Record<string, readonly string[]>> = {
  ...{ due: ["scheduled"], died: ["dead"], completed: ["completed"], ended: ENDED },
  ...{ reason: ["dead"], signature: ["dead"] },
};

/** Returns whether a task in this state can meet a condition. */
function mayHold(clause: Clause, state: ListedState): boolean {
  if (!("field" in clause)) return true;
  if (clause.field === "state" && clause.kind === "choice")
    return clause.anyOf.includes(state) !== clause.not;
  return clause.not || (STATES_WITH[clause.field]?.includes(state) ?? true);
}

/** Turns the fields of a filter into conditions. Case matters for whole texts, but not for parts of texts. */
function clausesOfFields(filter: TaskFilter): Clause[] {
  const { q, error, reason, from, to } = filter;
  const clauses: Clause[] = [];
  const text = (field: TextField, value: string, isPart = false) =>
    clauses.push({ not: false, kind: "text", field, isPart, matchCase: !isPart, anyOf: [[value]] });
  for (const field of ["type", "tag", "flow", "signature"] as const) {
    const value = filter[field];
    if (value !== undefined) text(field, value);
  }
  if (error !== undefined) text("error", error, true);
  if (q !== undefined) clauses.push({ not: false, kind: "any", text: [q] });
  if (reason !== undefined) clauses.push({ not: false, kind: "choice", field: "reason", anyOf: [reason] });
  if (from !== undefined || to !== undefined)
    clauses.push({
      ...{ not: false, kind: "time", field: "time" },
      ...(from === undefined ? {} : { from: { at: from } }),
      ...(to === undefined ? {} : { to: { at: to } }),
    });
  return clauses;
}

/**
 * Returns the function that says whether a task matches.
 * @param now the time from which durations of a query are counted, ms. @default the time of this process
 * @throws HoldfastError invalid_argument
 */
export const matcherOf = (filter: TaskFilter, now = Date.now()) => new CompiledFilter(filter, now).matches;

/**
 * Checks the filter of an action on all matching tasks. Fields that are undefined and an empty query are refused too,
 * because they are probably mistakes and would select every task.
 * @throws HoldfastError invalid_argument
 */
export function bulkFilterOf(filter: DeadLetterFilter, now: number): CompiledFilter {
  for (const [name, value] of Object.entries(filter)) {
    if (value === undefined)
      throw invalid(name, "is undefined: give it a value, or leave it out to mean every dead letter");
  }
  const compiled = new CompiledFilter(filter, now);
  if (compiled.isEverything && filter.query !== undefined)
    throw invalid("query", "is empty: give it a clause, or leave it out to mean every task");
  return compiled;
}

function checkFilter(filter: TaskFilter): void {
  const given = filter as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!KNOWN.has(name)) throw invalid(name, `is not known; a filter may have ${[...KNOWN].join(", ")}`);
  }
  for (const name of TEXTS) {
    const value = given[name];
    if (value !== undefined && (typeof value !== "string" || value === ""))
      throw invalid(name, `has to be a text that is not empty, got ${shown(value)}`);
  }
  for (const name of TIMES) {
    const value = given[name];
    if (value !== undefined && (typeof value !== "number" || Number.isNaN(value)))
      throw invalid(name, `has to be a number of milliseconds since the epoch, got ${shown(value)}`);
  }
  if (filter.query !== undefined && typeof filter.query !== "string")
    throw invalid("query", `has to be a text, got ${shown(filter.query)}`);
  if (filter.reason !== undefined && !DEAD_REASONS.includes(filter.reason))
    throw invalid("reason", `has to be one of ${DEAD_REASONS.join(", ")}, got ${shown(filter.reason)}`);
}

const shown = (value: unknown) =>
  (typeof value === "string" ? JSON.stringify(value) : String(value)).slice(0, 100);

const invalid = (name: string, what: string) =>
  new HoldfastError("invalid_argument", `the filter's field "${name.slice(0, 100)}" ${what}`);
