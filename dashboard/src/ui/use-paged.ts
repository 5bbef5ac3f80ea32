import type { TaskView } from "@holdfast/contracts";
import type { TaskPage } from "@holdfast/contracts/api";
import { useCallback, useMemo } from "react";

interface PagedQuery {
  data: { pages: TaskPage[] } | undefined;
  hasNextPage: boolean;
  isFetching: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage(): Promise<unknown>;
}

/** Returns a key that is unique among the tasks of all queues. */
export const taskKey = ({ queue, id }: Pick<TaskView, "queue" | "id">) => `${queue}/${id}`;

/**
 * Joins the rows of all loaded pages. If the list changes between two requests, a task can be on two pages. It is
 * then shown once.
 */
function mergePages(pages: readonly TaskPage[]): TaskView[] {
  const byKey = new Map<string, TaskView>();
  for (const page of pages)
    for (const task of page.tasks) if (!byKey.has(taskKey(task))) byKey.set(taskKey(task), task);
  return [...byKey.values()];
}

/** Returns the rows of a list that is paged by cursor, and a function that loads more. */
export function usePaged(query: PagedQuery) {
  const { data, hasNextPage, isFetching, fetchNextPage } = query;
  const rows = useMemo(() => mergePages(data?.pages ?? []), [data]);
  const scanned = useMemo(() => (data?.pages ?? []).reduce((sum, page) => sum + page.scanned, 0), [data]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  return { rows, scanned, more, pages: data?.pages.length ?? 0 };
}
