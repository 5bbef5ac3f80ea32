import { parseQuery, type QueryProblem } from "@holdfast/contracts";
import { useCallback, useEffect, useRef, useState } from "react";

/** A query is applied this long after the last keystroke. */
const APPLY_AFTER_MS = 400;

export interface QueryDraft {
  text: string;
  /** Changes the text. It is applied soon, if it is a query by then. */
  change(text: string): void;
  /** Applies the text at once. */
  apply(text?: string): void;
  /** What is wrong with the text; null if it is a query. */
  problem: QueryProblem | null;
}

/**
 * Keeps the text of the query bar. A query in the address replaces this text only if it comes from elsewhere, such as
 * the button Back. So the address, which is updated later than the text, never undoes a keystroke.
 */
export function useQueryDraft(applied: string, onApply: (query: string) => void): QueryDraft {
  const [text, setText] = useState(applied);
  const own = useRef(applied);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef({ text, onApply });
  latest.current = { text, onApply };

  useEffect(() => {
    if (applied === own.current) return;
    own.current = applied;
    clearTimeout(timer.current);
    setText(applied);
  }, [applied]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const apply = useCallback((next = latest.current.text) => {
    clearTimeout(timer.current);
    setText(next);
    const query = next.trim();
    if (!parseQuery(query).ok || query === own.current) return;
    own.current = query;
    latest.current.onApply(query);
  }, []);
  const change = useCallback(
    (next: string) => {
      setText(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => apply(next), APPLY_AFTER_MS);
    },
    [apply],
  );
  const parsed = parseQuery(text.trim());
  return { text, change, apply, problem: parsed.ok ? null : parsed.problem };
}
