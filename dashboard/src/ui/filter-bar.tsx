import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { Button } from "./button.tsx";

interface FilterBarProps {
  type: string;
  q: string;
  onApply(filter: { type: string; q: string }): void;
  children?: ReactNode;
}

/** Filters that are applied with Enter or the button, and live in the URL. */
export function FilterBar({ type, q, onApply, children }: FilterBarProps) {
  const [typeDraft, setTypeDraft] = useState(type);
  const [qDraft, setQDraft] = useState(q);
  useEffect(() => setTypeDraft(type), [type]);
  useEffect(() => setQDraft(q), [q]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onApply({ type: typeDraft.trim(), q: qDraft.trim() });
  };
  return (
    <form className="filters" role="search" onSubmit={submit}>
      {children}
      <input
        className="input"
        type="search"
        aria-label="Find by id or text"
        placeholder="Find by id or text"
        value={qDraft}
        onChange={(event) => setQDraft(event.target.value)}
      />
      <input
        className="input"
        type="search"
        aria-label="Task type"
        placeholder="Type, exact"
        value={typeDraft}
        onChange={(event) => setTypeDraft(event.target.value)}
      />
      <Button type="submit">Apply</Button>
      {type === "" && q === "" ? null : (
        <Button look="quiet" onPress={() => onApply({ type: "", q: "" })}>
          Clear filters
        </Button>
      )}
    </form>
  );
}
