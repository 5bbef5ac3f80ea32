import { DEAD_REASONS, type DeadReason, HoldfastError, type TaskView } from "@holdfast/contracts";

/** Selects tasks. A task has to match every field that is given. */
export interface TaskFilter {
  /** Only tasks of this type. @default all types */
  type?: string;
  /** A complete tag. Case matters. */
  tag?: string;
  /** The id of a flow. Selects its nodes and callbacks. */
  flow?: string;
  /** Text in id, type, error, tags or payload. Case does not matter. */
  q?: string;
  /** Text in the last error. Case does not matter. */
  error?: string;
  /** The signature of the error under which a dead letter is counted; `other` for dead letters without one. */
  signature?: string;
  /** The reason why the task died. */
  reason?: DeadReason;
  /** The task ended, is due (scheduled) or was enqueued (pending, processing) at this time or later, ms. */
  from?: number;
  /**
   * That time of the task is before this one, ms. If the clock was set back, some tasks from the repeated span may be
   * left out.
   */
  to?: number;
}

/** Selects dead letters. An empty filter selects all of them. */
export type DeadLetterFilter = TaskFilter;

/** The fields of a task that a filter reads. */
export type FilteredTask = Pick<
  TaskView,
  | "id"
  | "type"
  | "state"
  | "tags"
  | "flow"
  | "payloadText"
  | "lastError"
  | "deadReason"
  | "signature"
  | "enqueuedAt"
  | "runAt"
  | "endedAt"
>;

const TEXTS = ["type", "tag", "flow", "q", "error", "signature", "reason"] as const;
const TIMES = ["from", "to"] as const;
const KNOWN: ReadonlySet<string> = new Set([...TEXTS, ...TIMES]);

/** Returns the time of a task with which `from` and `to` are compared. */
export function timeOf(task: Pick<TaskView, "state" | "enqueuedAt" | "runAt" | "endedAt">): number {
  if (task.state === "scheduled") return task.runAt ?? 0;
  return task.state === "pending" || task.state === "processing" ? task.enqueuedAt : (task.endedAt ?? 0);
}

/** Returns a function that finds these words in a text. Case does not matter. */
export function textFinder(words: string): (text: string) => boolean {
  if (words.toLowerCase() === words.toUpperCase()) return (text) => text.includes(words);
  const pattern = new RegExp(words.replaceAll(/[$()*+.?[\\\]^{|}/]/g, "\\$&"), "iu");
  return (text) => pattern.test(text);
}

/**
 * Checks a filter and turns it into a function. An unknown field is refused, because ignoring it would select more
 * tasks than the caller means.
 * @throws HoldfastError invalid_argument that names the field
 */
export function matcherOf(filter: TaskFilter): (task: FilteredTask) => boolean {
  checkFilter(filter);
  const { type, tag, flow, reason, signature, from, to } = filter;
  const hasWords = filter.q === undefined ? undefined : textFinder(filter.q);
  const hasError = filter.error === undefined ? undefined : textFinder(filter.error);
  return (task) =>
    (type === undefined || task.type === type) &&
    (reason === undefined || task.deadReason === reason) &&
    (tag === undefined || task.tags.includes(tag)) &&
    (flow === undefined || task.flow?.id === flow) &&
    (from === undefined || timeOf(task) >= from) &&
    (to === undefined || timeOf(task) < to) &&
    (hasError === undefined || (task.lastError !== null && hasError(task.lastError))) &&
    (signature === undefined || (task.signature ?? "other") === signature) &&
    (hasWords === undefined || textsOf(task).some(hasWords));
}

/** Returns the texts that `q` searches. */
function textsOf({ id, type, lastError, tags, payloadText }: FilteredTask): string[] {
  return [id, type, lastError ?? "", ...tags, payloadText];
}

/**
 * Checks the filter of an action on all matches. An undefined field is refused too, because without it the action could
 * apply to every dead letter.
 * @throws HoldfastError invalid_argument
 */
export function bulkMatcherOf(filter: DeadLetterFilter): (task: FilteredTask) => boolean {
  for (const [name, value] of Object.entries(filter)) {
    if (value === undefined)
      throw invalid(name, "is undefined: give it a value, or leave it out to mean every dead letter");
  }
  return matcherOf(filter);
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
  if (filter.reason !== undefined && !DEAD_REASONS.includes(filter.reason))
    throw invalid("reason", `has to be one of ${DEAD_REASONS.join(", ")}, got ${shown(filter.reason)}`);
}

const shown = (value: unknown) =>
  (typeof value === "string" ? JSON.stringify(value) : String(value)).slice(0, 100);

const invalid = (name: string, what: string) =>
  new HoldfastError("invalid_argument", `the filter's field "${name.slice(0, 100)}" ${what}`);
