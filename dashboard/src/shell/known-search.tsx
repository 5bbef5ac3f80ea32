import { useNavigate } from "@tanstack/react-router";
import { FilterX } from "lucide-react";
import type { ReactNode } from "react";
import { unknownIn } from "../screen-facts.ts";
import { Banner } from "../ui/banner.tsx";
import { Button } from "../ui/button.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";
import { useScreen } from "./use-screen.ts";

function useUnknownSearch() {
  const { facts, raw } = useScreen();
  const navigate = useNavigate();
  const unknown = unknownIn(raw, facts);
  const remove = () => void navigate({ to: ".", search: facts.search(raw) as never, replace: true });
  return { unknown, remove, narrows: facts.narrows === true };
}

/**
 * Wraps a list that the address narrows. If the screen does not understand a part of the address, an explanation
 * replaces the list: "all that match" in a wider list would be more than the reader asked for.
 */
export function KnownSearch({ children }: { children: ReactNode }) {
  const { unknown, remove } = useUnknownSearch();
  if (unknown.length === 0) return children;
  return (
    <section className="panel" aria-label="Unknown filter">
      <div className="empty" role="alert">
        <FilterX size={30} strokeWidth={1.5} aria-hidden="true" />
        <h2>This list cannot be narrowed as the address asks</h2>
        <Fields fields={unknown} />
        <p>Without it the list would have more tasks than you asked for, so none is shown.</p>
        <Button onPress={remove}>Remove it and show the list</Button>
      </div>
    </section>
  );
}

/** The same for screens that do not narrow a list: they say so, and ignore it. */
export function UnknownSearchBanner() {
  const { unknown, remove, narrows } = useUnknownSearch();
  if (unknown.length === 0 || narrows) return null;
  return (
    <Banner
      icon={FilterX}
      tone="warn"
      action={
        <Button small onPress={remove}>
          Remove it
        </Button>
      }
    >
      <strong>The address asks for something that this screen does not know,</strong> so it is not applied:
      <Fields fields={unknown} />
    </Banner>
  );
}

function Fields({ fields }: { fields: readonly string[] }) {
  return (
    <p className="wrap">
      {fields.map((field, index) => (
        <span key={field}>
          {index === 0 ? "" : ", "}
          <code>
            <ForeignText text={field.slice(0, 300)} />
          </code>
        </span>
      ))}
    </p>
  );
}
