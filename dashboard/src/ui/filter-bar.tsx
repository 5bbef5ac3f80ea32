import { t } from "@lingui/core/macro";
import { ListFilter, Search } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { AGES, type Age, type ListSearch } from "../search.ts";
import { Button } from "./button.tsx";
import { useNarrow } from "./use-narrow.ts";

interface FilterBarProps {
  value: ListSearch;
  onApply(value: ListSearch): void;
  /** Whether any filter is set, including those of `children`. */
  filtered: boolean;
  onClear(): void;
  children?: ReactNode;
}

const AGE_TEXT: Record<Age, () => string> = {
  "15m": () => t`Last 15 minutes`,
  "1h": () => t`Last hour`,
  "24h": () => t`Last 24 hours`,
  "7d": () => t`Last 7 days`,
};

const FIELDS = [
  { key: "type", label: () => t`Exact task type`, placeholder: () => t`Type, exact` },
  { key: "tag", label: () => t`Exact tag`, placeholder: () => t`Tag, exact` },
  { key: "error", label: () => t`Text of the error; case does not matter`, placeholder: () => t`Error text` },
] as const;

/** Shows the filters of a list. Enter or the button applies them, and the URL keeps them. */
export function FilterBar({ value, onApply, filtered, onClear, children }: FilterBarProps) {
  const [draft, setDraft] = useState(value);
  const narrow = useNarrow();
  const [open, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: compared by content; the object is new with each render
  useEffect(() => setDraft(value), [JSON.stringify(value)]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onApply(trimmed(draft));
  };
  const all = !narrow || open || filtered;
  return (
    <form className="filters" role="search" onSubmit={submit}>
      <label className="search-field">
        <Search size={14} aria-hidden="true" />
        <span className="visually-hidden">
          {t`Find text in id, type, payload, error or tags; case does not matter`}
        </span>
        <input
          className="input"
          type="search"
          data-search=""
          placeholder={t`Id, payload, any text`}
          value={draft.q ?? ""}
          onChange={(event) => setDraft({ ...draft, q: event.target.value })}
        />
      </label>
      {narrow ? (
        <Button aria-label={t`More filters`} aria-expanded={all} onPress={() => setOpen(!open)}>
          <ListFilter size={15} aria-hidden="true" />
        </Button>
      ) : null}
      {all ? (
        <>
          {FIELDS.map(({ key, label, placeholder }) => (
            <input
              key={key}
              className="input"
              type="search"
              aria-label={label()}
              placeholder={placeholder()}
              value={draft[key] ?? ""}
              onChange={(event) => setDraft({ ...draft, [key]: event.target.value })}
            />
          ))}
          <select
            className="input"
            aria-label={t`Time`}
            value={value.within ?? ""}
            onChange={(event) => {
              const { within: _, ...rest } = trimmed(draft);
              const within = AGES.find((age) => age === event.target.value);
              onApply(within === undefined ? rest : { ...rest, within });
            }}
          >
            <option value="">{t`Any time`}</option>
            {AGES.map((age) => (
              <option key={age} value={age}>
                {AGE_TEXT[age]()}
              </option>
            ))}
          </select>
          {children}
        </>
      ) : null}
      <Button type="submit">{t`Apply`}</Button>
      {filtered ? (
        <Button look="quiet" onPress={onClear}>
          {t`Clear filters`}
        </Button>
      ) : null}
    </form>
  );
}

/** Trims blanks and drops empty filters, so that the URL does not have them. */
function trimmed(value: ListSearch): ListSearch {
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, text]) => [key, String(text).trim()])
      .filter(([, text]) => text !== ""),
  );
}
