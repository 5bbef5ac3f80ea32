import { TASK_STATES, type TaskState } from "@holdfast/contracts";

/** State of a screen that lives in its URL. Anything unknown falls back: an old link never breaks a page. */

export const SORTS = ["worst", "name", "age", "pending", "processing", "dead"] as const;
export type Sort = (typeof SORTS)[number];

export interface OverviewSearch {
  sort?: Sort;
}

export const WINDOWS_MINUTES = ["1", "5", "15"] as const;
export type WindowMinutes = (typeof WINDOWS_MINUTES)[number];

export interface QueueSearch {
  minutes?: WindowMinutes;
}

export interface TasksSearch {
  state?: TaskState;
  type?: string;
  q?: string;
}

export interface DeadLettersSearch {
  view?: "list" | "groups";
  type?: string;
  q?: string;
}

export interface LoadSearch {
  queue?: string;
}

type Raw = Record<string, unknown>;

const pick = <K extends string, T extends string>(key: K, value: unknown, allowed: readonly T[]) => {
  const found = allowed.find((candidate) => candidate === String(value));
  return (found === undefined ? {} : { [key]: found }) as { [P in K]?: T };
};

const text = <K extends string>(key: K, value: unknown) => {
  // The router parses `?q=17` as a number: a filter is text whatever it looks like.
  const valid = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  const clean = valid ? String(value).slice(0, 200) : "";
  return (clean === "" ? {} : { [key]: clean }) as { [P in K]?: string };
};

export const overviewSearch = (raw: Raw): OverviewSearch => pick("sort", raw.sort, SORTS);

export const queueSearch = (raw: Raw): QueueSearch => pick("minutes", raw.minutes, WINDOWS_MINUTES);

export const tasksSearch = (raw: Raw): TasksSearch => ({
  ...pick("state", raw.state, TASK_STATES),
  ...text("type", raw.type),
  ...text("q", raw.q),
});

export const deadLettersSearch = (raw: Raw): DeadLettersSearch => ({
  ...pick("view", raw.view, ["list", "groups"] as const),
  ...text("type", raw.type),
  ...text("q", raw.q),
});

export const loadSearch = (raw: Raw): LoadSearch => text("queue", raw.queue);
