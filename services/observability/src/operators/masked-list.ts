import type { TaskListQuery } from "@holdfast/contracts/api";
import {
  type DeadLetterGroups,
  LIMITS,
  matcherOf,
  mergeGroups,
  signatureOf,
  type TaskPage,
  type TaskView,
} from "holdfast";
import type { ObserverPort } from "../routes/context.ts";

/** Records looked at for one page, as in the library. */
const SCANNED = 1_000;

/** Stands for an error whose task went while it was looked at. */
const UNKNOWN = "***";

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

/** Looked up at a time. */
const SAMPLES_AT_ONCE = 20;

/**
 * Groups for somebody who does not see all of a task: the signature of each is that of an error as he sees it. Groups that
 * differ in nothing else are one.
 */
export async function groupsFor(
  observer: Pick<ObserverPort, "deadLetterGroups" | "task">,
  queue: string,
  query: { scan?: number; signal?: AbortSignal },
  mask: Mask | undefined,
): Promise<DeadLetterGroups> {
  const found = await observer.deadLetterGroups(queue, query);
  if (mask === undefined) return found;
  const groups = [...found.groups];
  for (let from = 0; from < groups.length; from += SAMPLES_AT_ONCE) {
    query.signal?.throwIfAborted();
    const some = found.groups.slice(from, from + SAMPLES_AT_ONCE).map(async (group, at) => {
      const sample = await observer.task(queue, group.sampleIds[0] ?? "");
      // Who cannot be looked at cannot be masked.
      const signature = sample ? signatureOf(mask(sample) as TaskView) : UNKNOWN;
      groups[from + at] = { ...group, signature };
    });
    await Promise.all(some);
  }
  return mergeGroups([{ ...found, groups }]);
}
