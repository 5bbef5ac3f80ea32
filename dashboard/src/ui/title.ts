import { useEffect } from "react";
import { count } from "../format/number.ts";

/** The problems of the queues that a screen shows. */
export interface Trouble {
  /** The number of dead letters in these queues. */
  dead: number;
  /** The worst other problem of these queues, in words; null if there is none. */
  words: string | null;
}

export const NO_TROUBLE: Trouble = { dead: 0, words: null };

/**
 * Returns the title of the browser tab: the number of dead letters, the screen, the worst problem, and the
 * environment. The number comes first, because a narrow tab shows only the beginning.
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
