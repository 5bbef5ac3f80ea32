import { type ListedState, parseQuery, type TaskView } from "@holdfast/contracts";
import { useMemo } from "react";
import { useLive } from "../../live/live-context.tsx";
import type { ListSearch } from "../../search.ts";
import { taskKey } from "../../ui/use-paged.ts";
import { useSelection } from "../tasks/use-selection.ts";
import { useFollow, useTaskList } from "../tasks/use-task-list.ts";
import { sortTasks } from "./columns.tsx";
import type { KnownValues } from "./suggest.ts";
import { useQueryDraft } from "./use-query-draft.ts";

/** The most loaded tasks from which suggestions are made. */
const SAMPLE = 500;

/**
 * The parts that all lists of tasks have in common: a query, sorted rows, a selection and a side panel. Except for
 * the selection, they are in the address.
 * @param show changes the address. With `replace`, the button Back skips this change
 */
export function useTaskScreen(
  where: { queue: string | null; state?: ListedState },
  search: ListSearch,
  show: (next: ListSearch, replace?: boolean) => void,
) {
  const { query = "", sort, task } = search;
  const isWrong = !parseQuery(query).ok;
  const list = useTaskList({ ...where, query }, !isWrong);
  const rows = useMemo(() => sortTasks(list.rows, sort), [list.rows, sort]);
  const selection = useSelection(useMemo(() => rows.map(taskKey), [rows]));
  useFollow(list, !selection.any && task === undefined);
  const { task: _, ...rest } = search;
  const apply = (next: string) => {
    selection.clear();
    const { query: __, ...others } = rest;
    show(next === "" ? others : { ...others, query: next });
  };
  const draft = useQueryDraft(query, apply);
  const shown = task === undefined ? null : where.queue === null ? task : `${where.queue}/${task}`;
  return {
    query,
    /** Whether the query in the address is not valid. */
    isWrong,
    filtered: query !== "",
    draft,
    list,
    rows,
    selection,
    /** The ids of the selected tasks, without the names of their queues. */
    ids: selection.ids.map((key) => key.slice(key.indexOf("/") + 1)),
    known: useKnownValues(list.rows),
    sort,
    setSort: (next: string | undefined) => {
      selection.clear();
      const { sort: __, ...others } = search;
      show(next === undefined ? others : { ...others, sort: next }, true);
    },
    shown,
    setShown: (next: TaskView | null) =>
      show(next === null ? rest : { ...rest, task: where.queue === null ? taskKey(next) : next.id }, true),
    clear: () => draft.apply(""),
  };
}

export type TaskScreen = ReturnType<typeof useTaskScreen>;

function useKnownValues(rows: readonly TaskView[]): KnownValues {
  const { figures } = useLive();
  const { queues, workers } = figures;
  return useMemo(() => {
    const some = rows.slice(0, SAMPLE);
    const sorted = (values: readonly (string | null | undefined)[]) =>
      [...new Set(values)].filter((value): value is string => !!value).sort();
    return {
      queue: sorted((queues ?? []).map(({ queue }) => queue)),
      type: sorted([...some.map(({ type }) => type), ...(workers ?? []).flatMap(({ types }) => types)]),
      tag: sorted(some.flatMap(({ tags }) => tags)),
      key: sorted(some.map(({ key }) => key)),
      flow: sorted(some.map(({ flow }) => flow?.id)),
      error: sorted(some.map(({ lastError }) => /^[\w$.]+/.exec(lastError ?? "")?.[0])),
      signature: sorted(some.map(({ signature }) => signature)),
    };
  }, [rows, queues, workers]);
}
