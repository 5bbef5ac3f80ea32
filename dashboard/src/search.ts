import {
  DEAD_REASONS,
  type DeadReason,
  ERROR_KINDS,
  ERROR_ORDERS,
  LISTED_STATES,
  type ListedState,
  TASK_EVENT_TYPES,
  type TaskEventType,
} from "@holdfast/contracts";
import type { AuditAction } from "./api/audit.ts";
import type { ErrorKind, ErrorOrder } from "./api/error-list.ts";
import { ACTION_TEXT } from "./screens/audit/action-text.ts";

/** Reads the state of a screen from its URL. Unknown fields and values are left out, and the screen reports them. */

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
  /** Whether the heat map shows waits, and not runs. */
  by?: "wait";
}

export const AGES = ["15m", "1h", "24h", "7d"] as const;
export type Age = (typeof AGES)[number];

/** The filters of a list of tasks. */
export interface ListSearch {
  q?: string;
  type?: string;
  tag?: string;
  error?: string;
  within?: Age;
}

export interface TasksSearch extends ListSearch {
  state?: ListedState;
}

export interface DeadLettersSearch extends ListSearch {
  view?: "list" | "groups";
  reason?: DeadReason;
  /** The signature of an error. */
  signature?: string;
}

export interface ErrorsSearch {
  q?: string;
  kind?: ErrorKind;
  sort?: ErrorOrder;
}

export interface LimitsSearch {
  /** The exact text of one key. */
  key?: string;
}

export interface EventsSearch {
  kind?: TaskEventType;
  /** Whether to begin with the oldest kept events, and not with the next ones. */
  from?: "oldest";
}

export interface LoadSearch {
  queue?: string;
}

export interface OperationsSearch {
  /** The operation that is shown in full. */
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

const listSearch = (raw: Raw): ListSearch => ({
  ...text("q", raw.q),
  ...text("type", raw.type),
  ...text("tag", raw.tag),
  ...text("error", raw.error),
  ...pick("within", raw.within, AGES),
});

export const tasksSearch = (raw: Raw): TasksSearch => ({
  ...pick("state", raw.state, LISTED_STATES),
  ...listSearch(raw),
});

export const deadLettersSearch = (raw: Raw): DeadLettersSearch => {
  const view = pick("view", raw.view, ["list", "groups"] as const);
  // The view by error always shows all dead letters. So filters do not apply.
  if (view.view === "groups") return view;
  return {
    ...view,
    ...listSearch(raw),
    ...pick("reason", raw.reason, DEAD_REASONS),
    ...text("signature", raw.signature, 12),
  };
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
const SPAN_MS: Record<Window | Age, number> = {
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "1h": 60 * MINUTE,
  "6h": 360 * MINUTE,
  "24h": 1_440 * MINUTE,
  "7d": 10_080 * MINUTE,
  "30d": 43_200 * MINUTE,
};

export const spanMs = (span: Window | Age): number => SPAN_MS[span];
