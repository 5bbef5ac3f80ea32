import { clauseText, parseQuery } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Search, X } from "lucide-react";
import { type KeyboardEvent, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { plainText } from "../../format/foreign-text.ts";
import { Button } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { type KnownValues, suggest, wordAt } from "./suggest.ts";
import type { QueryDraft } from "./use-query-draft.ts";

/**
 * The input for the query of a list, with suggestions for the word at the caret. It does not use the combobox of
 * React Aria, which hides the rest of the page from screen readers while suggestions are open.
 */
export function QueryBar({ draft, known }: { draft: QueryDraft; known: KnownValues }) {
  const { text, problem } = draft;
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const [caret, setCaret] = useState(text.length);
  const [isOpen, setOpen] = useState(false);
  const [marked, setMarked] = useState(-1);
  const wanted = useRef<number | null>(null);
  const word = wordAt(text, Math.min(caret, text.length));
  const items = useMemo(() => suggest(word.typed, known), [word.typed, known]);
  const shows = isOpen && items.length > 0;
  const optionId = (index: number) => `${listId}-${index}`;

  useLayoutEffect(() => {
    if (wanted.current === null) return;
    input.current?.setSelectionRange(wanted.current, wanted.current);
    wanted.current = null;
  });
  const mark = (index: number) => {
    setMarked(index);
    document.getElementById(optionId(index))?.scrollIntoView({ block: "nearest" });
  };
  const take = (suggestion: string) => {
    const next = text.slice(0, word.start) + suggestion + text.slice(word.end).trimStart();
    const at = word.start + suggestion.length;
    wanted.current = at;
    setCaret(at);
    setMarked(-1);
    // A suggestion that ends with a blank completes its clause, so the query is applied. Otherwise the user still has
    // to type the value.
    if (suggestion.endsWith(" ")) draft.apply(next);
    else draft.change(next);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes a character, the arrow keys choose one of its proposals.
    if (event.nativeEvent.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && items.length > 0) {
      event.preventDefault();
      setOpen(true);
      mark(marked < 0 && step < 0 ? items.length - 1 : (marked + step + items.length) % items.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = shows ? items[marked] : undefined;
      if (chosen) take(chosen.text);
      else draft.apply();
    } else if (event.key === "Escape" && shows) {
      event.preventDefault();
      setOpen(false);
      setMarked(-1);
    }
  };
  return (
    <div className="query" role="search">
      <div className="query-field">
        <Search size={14} aria-hidden="true" />
        <input
          ref={input}
          className="input mono"
          data-search=""
          data-invalid={problem === null ? undefined : ""}
          type="text"
          role="combobox"
          aria-label={t`Query`}
          aria-describedby={`${listId}-state`}
          aria-invalid={problem !== null}
          aria-autocomplete="list"
          aria-expanded={shows}
          aria-controls={listId}
          aria-activedescendant={shows && marked >= 0 ? optionId(marked) : undefined}
          autoComplete="off"
          spellCheck="false"
          placeholder={t`type:email.*  error~timeout  died:<2h  or any text`}
          value={text}
          onChange={(event) => {
            setCaret(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setMarked(-1);
            draft.change(event.target.value);
          }}
          onKeyDown={onKeyDown}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? text.length)}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
        />
        <div className="query-list" id={listId} role="listbox" aria-label={t`Suggestions`} hidden={!shows}>
          {(shows ? items : []).map((item, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which keeps the focus
            <div
              key={item.text}
              id={optionId(index)}
              role="option"
              aria-selected={index === marked}
              className="query-item"
              // The click must not take the focus from the input, so that the user can go on typing.
              onMouseDown={(event) => event.preventDefault()}
              onPointerMove={() => setMarked(index)}
              onClick={() => take(item.text)}
            >
              <span className="mono clip">
                <ForeignText text={item.text} />
              </span>
              <span className="hint clip">{item.hint}</span>
            </div>
          ))}
        </div>
      </div>
      {text === "" ? null : (
        <Button look="quiet" aria-label={t`Clear query`} onPress={() => draft.apply("")}>
          <X size={15} aria-hidden="true" />
        </Button>
      )}
      <p id={`${listId}-state`} role="status" className={problem === null ? "visually-hidden" : "error-text"}>
        {problem === null ? "" : problem.message}
      </p>
    </div>
  );
}

/** Shows the clauses of the applied query, each with a button that removes it. */
export function QueryChips({ draft }: { draft: QueryDraft }) {
  const parsed = parseQuery(draft.text.trim());
  if (!parsed.ok || parsed.clauses.length === 0) return null;
  const texts = parsed.clauses.map(clauseText);
  return (
    <ul className="query-chips" aria-label={t`Clauses`}>
      {texts.map((text, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a clause may occur twice, and has no other name than its place
        <li key={`${at} ${text}`} className="query-chip">
          <code className="clip">
            <ForeignText text={text} />
          </code>
          <Button
            small
            look="quiet"
            aria-label={t`Remove ${plainText(text)}`}
            onPress={() => draft.apply(texts.filter((_, other) => other !== at).join(" "))}
          >
            <X size={12} aria-hidden="true" />
          </Button>
        </li>
      ))}
    </ul>
  );
}
