import {
  DEAD_REASONS,
  type DeadReason,
  ERROR_KINDS,
  ERROR_ORDERS,
  LIMITS,
  LISTED_STATES,
  type ListedState,
  TASK_EVENT_TYPES,
  type TaskEventType,
  valueText,
} from "@holdfast/contracts";
import type { AuditAction } from "./api/audit.ts";
import type { ErrorKind, ErrorOrder } from "./api/error-list.ts";
import { ACTION_TEXT } from "./screens/audit/action-text.ts";

/** Reads the state of a screen from its URL. The screen reports unknown fields and values, which are left out. */

export const SORTS = ["worst", "name", "age", "pending", "processing", "failures", "dead"] as const;
export type Sort = (typeof SORTS)[number];

export interface OverviewSearch {
  sort?: Sort;
}

export const WINDOWS = ["5m", "15m", "1h", "6h", "24h", "7d", "30d"] as const;
export type Window = (typeof WINDOWS)[number];

export interface QueueSearch {
  span?: Window;
  /** The task type whose heat map is shown. */
  type?: string;
  /** Set if the heat map shows waiting times instead of run times. */
  by?: "wait";
}

/** The state of a list of tasks in the address. */
export interface ListSearch {
  /** The query (docs/queries.md). */
  query?: string;
  /** The column by which the loaded rows are sorted. A minus before its name means descending. */
  sort?: string;
  /** The task in the side panel: its id, or `<queue>/<id>` in the list of all queues. */
  task?: string;
}

export interface TasksSearch extends ListSearch {
  state?: ListedState;
}

export interface DeadLettersSearch extends ListSearch {
  view?: "list" | "groups";
}

export interface ErrorsSearch {
  q?: string;
  kind?: ErrorKind;
  sort?: ErrorOrder;
}

export interface LimitsSearch {
  /** The exact text of the key to show. */
  key?: string;
}

export interface EventsSearch {
  kind?: TaskEventType;
  /** Set if the list begins with the oldest stored events, and not with the next ones. */
  from?: "oldest";
}

export interface LoadSearch {
  queue?: string;
}

export interface OperationsSearch {
  /** The id of the operation that is shown in detail. */
  id?: string;
}

export interface AuditSearch {
  queue?: string;
  actor?: string;
  action?: AuditAction;
}

export interface SchedulesSearch {
  q?: string;
  id?: string;
}

type Raw = Record<string, unknown>;

const pick = <K extends string, T extends string>(key: K, value: unknown, allowed: readonly T[]) => {
  const found = allowed.find((candidate) => candidate === String(value));
  return (found === undefined ? {} : { [key]: found }) as { [P in K]?: T };
};

const text = <K extends string>(key: K, value: unknown, most = 200) => {
  // The router parses `?q=17` as a number, but a filter is always text.
  const valid = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  // A text that is too long is dropped. If it were cut, it would match more than the address says.
  const clean = valid && String(value).length <= most ? String(value) : "";
  return (clean === "" ? {} : { [key]: clean }) as { [P in K]?: string };
};

export const overviewSearch = (raw: Raw): OverviewSearch => pick("sort", raw.sort, SORTS);

export const queueSearch = (raw: Raw): QueueSearch => ({
  ...pick("span", raw.span, WINDOWS),
  ...text("type", raw.type),
  ...pick("by", raw.by, ["wait"] as const),
});

const isAge = (value: unknown) => ["15m", "1h", "24h", "7d"].includes(String(value));
const isReason = (value: unknown) => DEAD_REASONS.includes(value as DeadReason);

/** The fields of older addresses, each with the clause of the query that replaces it. */
const OLD_FIELDS: Record<string, (value: string) => string | null> = {
  q: (value) => valueText(value),
  type: (value) => `type==${valueText(value)}`,
  tag: (value) => `tag==${valueText(value)}`,
  error: (value) => `error~${valueText(value)}`,
  within: (value) => (isAge(value) ? `time:<${value}` : null),
  reason: (value) => (isReason(value) ? `reason:${value}` : null),
  signature: (value) => `signature==${valueText(value)}`,
};

/** Returns the fields of an older address, each with the clause that replaces it in the query. */
export function oldFields(raw: Raw): Record<string, string> {
  return Object.fromEntries(
    Object.entries(OLD_FIELDS).flatMap(([name, clauseOf]) => {
      const { value = "" } = text("value", raw[name]);
      const clause = value === "" || raw.view === "groups" ? null : clauseOf(value);
      return clause === null ? [] : [[name, clause]];
    }),
  );
}

const listSearch = (raw: Raw): ListSearch => {
  const { query = "" } = text("query", raw.query, LIMITS.queryCharacters);
  // The router parses the address that results from this function again. So clauses that are already in the query are
  // not added.
  const added = Object.values(oldFields(raw)).filter((clause) => !` ${query} `.includes(` ${clause} `));
  return {
    ...text("query", [query, ...added].join(" ").trim(), LIMITS.queryCharacters),
    ...text("sort", raw.sort, 20),
    ...text("task", raw.task, 200),
  };
};

export const tasksSearch = (raw: Raw): TasksSearch => ({
  ...pick("state", raw.state, LISTED_STATES),
  ...listSearch(raw),
});

export const allTasksSearch = listSearch;

export const deadLettersSearch = (raw: Raw): DeadLettersSearch => {
  const view = pick("view", raw.view, ["list", "groups"] as const);
  // The view by error always shows all dead letters, so a query has no effect there.
  return view.view === "groups" ? view : { ...view, ...listSearch(raw) };
};

export const errorsSearch = (raw: Raw): ErrorsSearch => ({
  ...text("q", raw.q),
  ...pick("kind", raw.kind, ERROR_KINDS),
  ...pick("sort", raw.sort, ERROR_ORDERS),
});

export const limitsSearch = (raw: Raw): LimitsSearch => text("key", raw.key);

export const eventsSearch = (raw: Raw): EventsSearch => ({
  ...pick("kind", raw.kind, TASK_EVENT_TYPES),
  ...pick("from", raw.from, ["oldest"] as const),
});

export const loadSearch = (raw: Raw): LoadSearch => text("queue", raw.queue);

export const operationsSearch = (raw: Raw): OperationsSearch => text("id", raw.id);

export const schedulesSearch = (raw: Raw): SchedulesSearch => ({
  ...text("q", raw.q),
  ...text("id", raw.id),
});

export const auditSearch = (raw: Raw): AuditSearch => ({
  ...text("queue", raw.queue),
  ...text("actor", raw.actor),
  ...pick("action", raw.action, Object.keys(ACTION_TEXT) as AuditAction[]),
});

const MINUTE = 60_000;
const SPAN_MS: Record<Window, number> = {
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "1h": 60 * MINUTE,
  "6h": 360 * MINUTE,
  "24h": 1_440 * MINUTE,
  "7d": 10_080 * MINUTE,
  "30d": 43_200 * MINUTE,
};

export const spanMs = (span: Window): number => SPAN_MS[span];
