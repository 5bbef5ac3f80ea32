import { type Clause, clausesOfQuery, LIMITS, printQuery } from "@holdfast/contracts";
import type { TaskListQuery } from "@holdfast/contracts/api";
import type { TaskPage, TaskView } from "holdfast";
import { matcherOf } from "holdfast/operate";
import type { ObserverPort } from "../routes/context.ts";

/** The most tasks that are read for one page. The library has the same limit. */
const SCANNED = 1_000;

export type Mask = (value: unknown) => unknown;

/** The text fields that are never masked. */
const UNMASKED = ["id", "type", "queue"];

/** Whether a clause compares only fields that are never masked. */
function isOpen(clause: Clause): boolean {
  if (clause.kind === "text") return UNMASKED.includes(clause.field);
  return clause.kind === "choice" || clause.kind === "number" || clause.kind === "time";
}

/**
 * Returns a page of tasks for a caller who sees masked tasks. The search looks only at the masked text. If it looked
 * at the full text, a caller could find masked values by trying guesses.
 * @param queues one queue, or all that the caller may see
 */
export async function listFor(
  observer: Pick<ObserverPort, "list" | "search">,
  queues: string | readonly string[],
  options: TaskListQuery & { signal?: AbortSignal },
  mask: Mask | undefined,
): Promise<TaskPage> {
  const { state, ...all } = options;
  const read = (some: Omit<typeof options, "state">) =>
    typeof queues === "string" && state !== undefined
      ? observer.list(queues, { ...some, state })
      : observer.search([queues].flat(), some);
  const { q, error, signature, tag, query = "", ...rest } = all;
  const clauses = mask === undefined ? [] : clausesOfQuery(query);
  const hidden = clauses.filter((clause) => !isOpen(clause));
  const shown = [q, error, signature, tag];
  if (mask === undefined || (hidden.length === 0 && shown.every((words) => words === undefined)))
    return read(all);
  const isMatch = matcherOf({
    ...(q === undefined ? {} : { q }),
    ...(error === undefined ? {} : { error }),
    ...(signature === undefined ? {} : { signature }),
    ...(tag === undefined ? {} : { tag }),
    query: printQuery(hidden),
  });
  const limit = options.limit ?? LIMITS.pageTasks / 2;
  const found: TaskPage = { tasks: [], cursor: options.cursor ?? null, scanned: 0, total: 0 };
  do {
    const page = await read({
      ...rest,
      query: printQuery(clauses.filter(isOpen)),
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
