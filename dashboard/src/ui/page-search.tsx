import { useDraft } from "./use-draft.ts";

interface PageSearchProps {
  label: string;
  placeholder: string;
  /** The text that is in the address. */
  value: string;
  /** Stores the text in the address. */
  onChange(text: string): void;
}

/** The search field at the top of a page. It filters the list of the page with each key. */
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
