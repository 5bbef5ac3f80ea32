import type { TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import type { Parts } from "../partitions/parts.ts";
import { bulkFilterOf, type TaskFilter } from "./filter.ts";
import type { MatchBounds } from "./observer-options.ts";
import { queueStats } from "./queue-stats.ts";
import { readTasks } from "./task-list.ts";

const PAGE = 100;
const INDEXES = { dead: "deadLetters", scheduled: "scheduled" } as const;

/** The states whose tasks can be selected by a filter for an action on all matches. */
export type MatchedState = keyof typeof INDEXES;

/** Reads the tasks in a state page by page, latest time first. */
async function* pagesOf(
  queue: string,
  engine: Engine,
  state: MatchedState,
  signal?: AbortSignal,
): AsyncGenerator<TaskView[]> {
  let cursor = "";
  do {
    signal?.throwIfAborted();
    const page = await engine.list(INDEXES[state], "last", cursor, PAGE);
    const tasks = await readTasks(queue, engine, page.ids);
    yield tasks.filter((task) => task.state === state);
    cursor = page.cursor;
  } while (cursor !== "");
}

/** How many tasks match a filter, and how many were read to find them. */
export interface TaskMatch {
  matched: number;
  scanned: number;
  total: number;
  /** Whether all tasks in the state were read. */
  isWhole: boolean;
}

/**
 * Counts the matching tasks in a state. In each partition, the count ends after more than `matched` matches or after
 * `scanned` tasks.
 */
export async function matchTasks(
  { queue, all }: Parts,
  state: MatchedState,
  filter: TaskFilter,
  bounds: MatchBounds,
): Promise<TaskMatch> {
  const found = await Promise.all(all.map(({ engine }) => matchesOf(queue, engine, state, filter, bounds)));
  return found.reduce((sum, part) => ({
    matched: sum.matched + part.matched,
    scanned: sum.scanned + part.scanned,
    total: sum.total + part.total,
    isWhole: sum.isWhole && part.isWhole,
  }));
}

async function matchesOf(
  queue: string,
  engine: Engine,
  state: MatchedState,
  filter: TaskFilter,
  bounds: MatchBounds,
): Promise<TaskMatch> {
  const { matches, isEverything } = bulkFilterOf(filter, engine.connection.now());
  const total = queueStats(engine.queue, await engine.stats())[state];
  if (isEverything) return { matched: total, scanned: total, total, isWhole: true };
  let [matched, scanned] = [0, 0];
  for await (const page of pagesOf(queue, engine, state, bounds.signal)) {
    scanned += page.length;
    matched += page.filter(matches).length;
    const isEnough = matched > (bounds.matched ?? Number.POSITIVE_INFINITY);
    if ((isEnough || scanned >= (bounds.scanned ?? Number.POSITIVE_INFINITY)) && scanned < total)
      return { matched, scanned, total, isWhole: false };
  }
  return { matched, scanned, total, isWhole: true };
}
