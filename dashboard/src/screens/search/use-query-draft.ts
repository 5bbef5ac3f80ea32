import { parseQuery, type QueryProblem } from "@holdfast/contracts";
import { useCallback, useEffect, useRef, useState } from "react";

/** How long after the last keystroke a query is applied, ms. */
const APPLY_AFTER_MS = 400;

export interface QueryDraft {
  text: string;
  /** Changes the text. Soon afterwards it is applied, if it is a valid query by then. */
  change(text: string): void;
  /** Applies the text at once. */
  apply(text?: string): void;
  /** What is wrong with the text; null if it is a valid query. */
  problem: QueryProblem | null;
}

/**
 * Keeps the text of the query bar. The address is updated later than the text. So a query in the address replaces the
 * text only if it does not come from this text, for example after the button Back. Otherwise a late address would
 * undo a keystroke.
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
