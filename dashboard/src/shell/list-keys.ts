import { useEffect } from "react";

/** What `j`, `k`, `x` and Enter do: the list on the screen says so. */
export interface KeyedList {
  move(by: 1 | -1): void;
  toggle(): void;
}

let current: KeyedList | null = null;

export const currentList = (): KeyedList | null => current;

/** The newest list on the screen takes the keys. */
export function useKeyedList(list: KeyedList): void {
  useEffect(() => {
    const before = current;
    current = list;
    return () => {
      if (current === list) current = before;
    };
  }, [list]);
}
