import { useEffect } from "react";

/** The effects of `j`, `k`, `x` and Enter, defined by the list on the screen. */
export interface KeyedList {
  move(by: 1 | -1): void;
  toggle(): void;
}

let current: KeyedList | null = null;

export const currentList = (): KeyedList | null => current;

/** The newest list on the screen gets the keys. */
export function useKeyedList(list: KeyedList): void {
  useEffect(() => {
    const before = current;
    current = list;
    return () => {
      if (current === list) current = before;
    };
  }, [list]);
}
