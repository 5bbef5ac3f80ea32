import { useCallback, useRef, useState } from "react";

/** Keeps a selection: either some rows by their ids, or all matching tasks, whether loaded or not. */
export function useSelection(ids: readonly string[]) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [everything, setEverything] = useState(false);
  const anchor = useRef<number | null>(null);
  const latest = useRef(ids);
  latest.current = ids;

  const clear = useCallback(() => {
    setChosen(new Set());
    setEverything(false);
    anchor.current = null;
  }, []);

  /** Selects or deselects one row. With `range`, does this with all rows since the last one that was clicked. */
  const toggle = useCallback((index: number, range: boolean) => {
    const rows = latest.current;
    const since = range && anchor.current !== null ? anchor.current : index;
    const [from, to] = [Math.min(since, index), Math.max(since, index)];
    anchor.current = index;
    setEverything(false);
    setChosen((before) => {
      const id = rows[index];
      if (id === undefined) return before;
      const next = new Set(before);
      const on = !before.has(id);
      for (const each of rows.slice(from, to + 1)) {
        if (on) next.add(each);
        else next.delete(each);
      }
      return next;
    });
  }, []);

  const loaded = ids.filter((id) => chosen.has(id));
  return {
    ids: loaded,
    everything,
    any: everything || loaded.length > 0,
    all: ids.length > 0 && loaded.length === ids.length,
    has: (id: string) => everything || chosen.has(id),
    toggle,
    clear,
    chooseLoaded: (on: boolean) => {
      setEverything(false);
      setChosen(on ? new Set(ids) : new Set());
    },
    chooseEverything: () => {
      setChosen(new Set(ids));
      setEverything(true);
    },
  };
}

export type Selection = ReturnType<typeof useSelection>;
