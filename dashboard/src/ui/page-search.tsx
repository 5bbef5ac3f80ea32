import { useDraft } from "./use-draft.ts";

interface PageSearchProps {
  label: string;
  placeholder: string;
  /** The text in the address. */
  value: string;
  /** Writes the text into the address. */
  onChange(text: string): void;
}

/** The field in the head of a page that narrows its list with each key. */
export function PageSearch({ label, placeholder, value, onChange }: PageSearchProps) {
  const draft = useDraft(value);
  return (
    <input
      className="input page-search"
      type="search"
      data-search=""
      aria-label={label}
      placeholder={placeholder}
      value={draft.text}
      onChange={({ target }) => {
        draft.send(target.value);
        onChange(target.value);
      }}
    />
  );
}
