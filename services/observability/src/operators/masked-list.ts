import { LIMITS } from "@holdfast/contracts";
import type { TaskListQuery } from "@holdfast/contracts/api";
import type { TaskPage, TaskView } from "holdfast";
import { matcherOf } from "holdfast/operate";
import type { ObserverPort } from "../routes/context.ts";

/** The most tasks that are read for one page. The library has the same limit. */
const SCANNED = 1_000;

export type Mask = (value: unknown) => unknown;

/**
 * Returns a page of tasks for a caller who sees masked tasks. The search looks only at the masked text. A search in the
 * full text would reveal masked values to a caller who tries many guesses.
 */
export async function listFor(
  observer: Pick<ObserverPort, "list">,
  queue: string,
  query: TaskListQuery & { signal?: AbortSignal },
  mask: Mask | undefined,
): Promise<TaskPage> {
  const { q, error, signature, tag, ...rest } = query;
  if (mask === undefined || [q, error, signature, tag].every((words) => words === undefined))
    return observer.list(queue, query);
  const isMatch = matcherOf({
    ...(q === undefined ? {} : { q }),
    ...(error === undefined ? {} : { error }),
    ...(signature === undefined ? {} : { signature }),
    ...(tag === undefined ? {} : { tag }),
  });
  const limit = query.limit ?? LIMITS.pageTasks / 2;
  const found: TaskPage = { tasks: [], cursor: query.cursor ?? null, scanned: 0, total: 0 };
  do {
    const page = await observer.list(queue, {
      ...rest,
      ...(found.cursor === null ? {} : { cursor: found.cursor }),
      limit: limit - found.tasks.length,
    });
    found.tasks.push(...page.tasks.map((task) => mask(task) as TaskView).filter(isMatch));
    found.cursor = page.cursor;
    found.scanned += page.scanned;
    found.total = page.total;
  } while (found.cursor !== null && found.tasks.length < limit && found.scanned < SCANNED);
  return found;
}
