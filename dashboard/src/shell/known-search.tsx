import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
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
 * If the address has a filter that the screen does not know, shows an explanation instead of the list. Without the
 * filter, "all that match" would select more tasks than the user wanted.
 */
export function KnownSearch({ children }: { children: ReactNode }) {
  const { unknown, remove } = useUnknownSearch();
  if (unknown.length === 0) return children;
  return (
    <section className="panel" aria-label={t`Unknown filter`}>
      <div className="empty" role="alert">
        <FilterX size={30} strokeWidth={1.5} aria-hidden="true" />
        <h2>{t`The filter in the address is not valid`}</h2>
        <Fields fields={unknown} />
        <p>
          <Trans>
            Without this filter the list would have more rows than you asked for, so it is not shown.
          </Trans>
        </p>
        <Button onPress={remove}>{t`Remove it and show the list`}</Button>
      </div>
    </section>
  );
}

/**
 * Shows a banner if the address has fields that the screen ignores because it does not know them. Screens with a
 * filtered list show `KnownSearch` instead.
 */
export function UnknownSearchBanner() {
  const { unknown, remove, narrows } = useUnknownSearch();
  if (unknown.length === 0 || narrows) return null;
  return (
    <Banner
      icon={FilterX}
      tone="warn"
      action={
        <Button small onPress={remove}>
          {t`Remove it`}
        </Button>
      }
    >
      <Trans>
        <strong>The address asks for something that this screen does not know,</strong> so it is not applied:
      </Trans>
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
