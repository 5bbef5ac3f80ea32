import type { ListedState, QueueStats } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { type InfiniteData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { type TaskPage, type TaskSearch, tasksQuery } from "../../api/tasks.ts";
import { useLive } from "../../live/live-context.tsx";
import { STATE_LOOK } from "../../ui/status.tsx";
import { usePaged } from "../../ui/use-paged.ts";
import { rememberList, rowOf } from "./seen-list.ts";

/** A search pauses when it has found this many more matches. It continues when the user scrolls. */
const MATCHES_PER_STEP = 100;

/** Returns how many tasks ever entered a state. The current number hides new ones if as many others left. */
function arrivals(stats: QueueStats, state: ListedState): number {
  const { totals } = stats;
  switch (state) {
    case "pending":
      return totals.enqueued + totals.replayed + totals.retried;
    case "processing":
      return totals.attempts;
    case "completed":
      return totals.acked;
    case "dead":
      return totals.deadLettered;
    case "cancelled":
      return totals.cancelled;
    case "expired":
      return totals.expired;
    case "scheduled":
      return stats.scheduled;
  }
}

function nameOf(queue: string | null, state: ListedState | undefined): string {
  if (queue === null) return t`Tasks of all queues`;
  if (state === undefined) return t`Tasks of ${queue}`;
  if (state === "dead") return t`Dead letters of ${queue}`;
  const text = STATE_LOOK[state].text();
  return t`${text} tasks of ${queue}`;
}

/**
 * Loads a list that does not change while the user looks at it. It counts the changes since its rows were loaded.
 * @param enabled whether the query is valid
 */
export function useTaskList(search: TaskSearch, enabled: boolean) {
  const { queue, state } = search;
  // Without a query, a page without rows is the last one. With a query, more matches may follow.
  const filtered = search.query !== "";
  const client = useQueryClient();
  const { figures, paused } = useLive();
  const stats = figures.queues?.find((candidate) => candidate.queue === queue);
  const options = tasksQuery(search);
  const query = useInfiniteQuery({ ...options, enabled });
  const { rows, scanned, more, pages } = usePaged(query);
  const [stopped, setStopped] = useState(false);
  const [wanted, setWanted] = useState(MATCHES_PER_STEP);
  const [atTop, setAtTop] = useState(true);
  const { hasNextPage, isFetching, fetchNextPage, dataUpdatedAt } = query;

  const { history } = useRouter();
  useEffect(() => {
    rememberList({
      name: nameOf(queue, state),
      href: history.location.href,
      rows: rows.map((task) => rowOf(task.queue, task.id)),
    });
  }, [history, queue, state, rows]);

  // A search reads page after page. It ends when it has enough matches, is stopped, or reaches the end.
  const searching = filtered && hasNextPage && !stopped && rows.length < wanted;
  useEffect(() => {
    if (searching && !isFetching) void fetchNextPage();
  }, [searching, isFetching, fetchNextPage]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another search
  useEffect(() => {
    setStopped(false);
    setWanted(MATCHES_PER_STEP);
  }, [JSON.stringify(search)]);

  const now =
    stats === undefined || state === undefined
      ? null
      : { arrived: arrivals(stats, state), depth: stats[state] };
  const then = useRef(now);
  // biome-ignore lint/correctness/useExhaustiveDependencies: takes the figures at the moment when the rows were loaded
  useEffect(() => {
    then.current = now;
  }, [dataUpdatedAt, state]);
  if (then.current === null) then.current = now;
  const fresh = now === null || then.current === null ? 0 : Math.max(0, now.arrived - then.current.arrived);
  const gone =
    now === null || then.current === null ? 0 : Math.max(0, then.current.depth + fresh - now.depth);

  const refresh = useCallback(async () => {
    // After a refresh only the first page stays. The cursors of later pages belong to the list before its changes.
    client.setQueryData<InfiniteData<TaskPage, string>>(options.queryKey, (known) =>
      known === undefined
        ? known
        : { pages: known.pages.slice(0, 1), pageParams: known.pageParams.slice(0, 1) },
    );
    await client.refetchQueries({ queryKey: options.queryKey, exact: true });
  }, [client, options.queryKey]);

  const stop = useCallback(() => {
    setStopped(true);
    void client.cancelQueries({ queryKey: options.queryKey, exact: true });
  }, [client, options.queryKey]);

  return {
    query,
    stats,
    rows,
    scanned,
    pages,
    total: query.data?.pages.at(-1)?.total ?? (state && stats?.[state]) ?? 0,
    searching,
    stopped: stopped && hasNextPage,
    stop,
    goOn: () => setStopped(false),
    /** Called when the user scrolls to the end of the list. Loads the next page, or continues the search. */
    more: () => {
      if (filtered) setWanted((count) => Math.max(count, rows.length + MATCHES_PER_STEP));
      else more();
    },
    fresh,
    gone,
    refresh,
    atTop,
    setAtTop,
    paused,
  };
}

export type TaskList = ReturnType<typeof useTaskList>;

/** Loads changes at once while the start of a one-page list is visible: new rows disturb nobody there. */
export function useFollow(list: TaskList, undisturbed: boolean): void {
  const { fresh, gone, atTop, paused, pages, query, refresh, stopped } = list;
  const follow =
    undisturbed && atTop && !paused && pages <= 1 && !query.hasNextPage && !stopped && fresh + gone > 0;
  const { isFetching } = query;
  useEffect(() => {
    if (follow && !isFetching) void refresh();
  }, [follow, isFetching, refresh]);
}
