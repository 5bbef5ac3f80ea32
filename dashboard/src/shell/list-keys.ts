import { useEffect } from "react";

/**
 * A list that reacts to keys: `j` and `k` move its cursor, `x` selects or deselects the row at the cursor, and other
 * keys act on that row.
 */
export interface KeyedList {
  move(by: 1 | -1): void;
  toggle(): void;
  /** Handles another key for the row at the cursor. Returns whether the key has an effect. */
  press?(key: string): boolean;
}

let current: KeyedList | null = null;

export const currentList = (): KeyedList | null => current;

/** Sends these keys to the list while it is on the page. Of several lists, the last one gets them. */
export function useKeyedList(list: KeyedList): void {
  useEffect(() => {
    const before = current;
    current = list;
    return () => {
      if (current === list) current = before;
    };
  }, [list]);
}
