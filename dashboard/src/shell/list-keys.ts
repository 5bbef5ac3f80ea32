import { useEffect } from "react";

/** The keys `j` and `k` move the cursor of the list on the screen, and `x` toggles the row at the cursor. */
export interface KeyedList {
  move(by: 1 | -1): void;
  toggle(): void;
}

let current: KeyedList | null = null;

export const currentList = (): KeyedList | null => current;

/** Gives the keys to this list while it is mounted. The newest list wins. */
export function useKeyedList(list: KeyedList): void {
  useEffect(() => {
    const before = current;
    current = list;
    return () => {
      if (current === list) current = before;
    };
  }, [list]);
}
