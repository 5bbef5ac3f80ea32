import type { TaskListQuery } from "@holdfast/contracts/api";
import { LIMITS, type TaskPage, type TaskView } from "holdfast";
import type { ObserverPort } from "../routes/context.ts";

/** Records looked at for one page, as in the library. */
const SCANNED = 1_000;

export type Mask = (value: unknown) => unknown;

/**
 * A page of tasks for somebody who does not see all of them. Words are looked for in what he sees: a search in the whole
 * would tell, guess by guess, what is masked, be it by the number of records that were looked at.
 */
export async function listFor(
  observer: Pick<ObserverPort, "list">,
  queue: string,
  query: TaskListQuery & { signal?: AbortSignal },
  mask: Mask | undefined,
): Promise<TaskPage> {
  const { q, error, signature, ...rest } = query;
  if (mask === undefined || (q === undefined && error === undefined)) return observer.list(queue, query);
  const limit = query.limit ?? LIMITS.pageTasks / 2;
  const found: TaskPage = { tasks: [], cursor: query.cursor ?? null, scanned: 0, total: 0 };
  do {
    const page = await observer.list(queue, {
      ...rest,
      ...(signature === undefined ? {} : { signature }),
      ...(found.cursor === null ? {} : { cursor: found.cursor }),
      limit: limit - found.tasks.length,
    });
    const seen = page.tasks.map((task) => mask(task) as TaskView);
    found.tasks.push(
      ...seen.filter((task) => (!q || hasText(task, q)) && (!error || task.lastError?.includes(error))),
    );
    found.cursor = page.cursor;
    found.scanned += page.scanned;
    found.total = page.total;
  } while (found.cursor !== null && found.tasks.length < limit && found.scanned < SCANNED);
  return found;
}

function hasText(task: TaskView, q: string): boolean {
  const texts = [task.id, task.lastError ?? "", task.payloadText, ...task.tags];
  return texts.some((text) => text.includes(q));
}
