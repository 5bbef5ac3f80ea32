import type { ListedState } from "@holdfast/contracts";
import { useMemo } from "react";
import type { TaskFilter } from "../../api/tasks.ts";
import { useLive } from "../../live/live-context.tsx";
import { type ListSearch, spanMs } from "../../search.ts";

const MINUTE_MS = 60_000;

export const isFiltered = ({ q, type, tag, error, within }: ListSearch): boolean =>
  [q, type, tag, error, within].some((value) => value !== undefined && value !== "");

/** Turns the filter in the URL into a filter for the API. "The last hour" ends now, by the clock of Redis. */
export function useTaskFilter(state: ListedState, search: ListSearch): TaskFilter {
  const { q, type, tag, error, within } = search;
  const { figures } = useLive();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the moment is taken when the choice is made, and stays
  const from = useMemo(
    () =>
      within === undefined
        ? undefined
        : Math.floor((Date.now() + figures.clockOffsetMs - spanMs(within)) / MINUTE_MS) * MINUTE_MS,
    [within],
  );
  return useMemo(() => ({ state, q, type, tag, error, from }), [state, q, type, tag, error, from]);
}
