import { useEffect } from "react";
import { count } from "../format/number.ts";

/** How bad it is in the queues that a screen shows. */
export interface Trouble {
  /** Their dead letters. */
  dead: number;
  /** Their worst other problem; null if there is none. */
  words: string | null;
}

export const NO_TROUBLE: Trouble = { dead: 0, words: null };

/**
 * Returns the title of the tab: the dead letters, the screen, the worst problem, and the environment. The number is
 * first, because a narrow tab shows only the beginning.
 */
export function titleOf(screen: string, { dead, words }: Trouble, environment: string | null): string {
  const where = environment === null || environment === "" ? "Holdfast" : `Holdfast ${environment}`;
  return `${dead === 0 ? "" : `(${count(dead)}) `}${screen}${words === null ? "" : `: ${words}`} – ${where}`;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}
