import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Inbox, SearchX, ServerOff } from "lucide-react";
import type { ReactNode } from "react";
import { type ApiError, toApiError } from "../api/errors.ts";
import { Button } from "./button.tsx";
import { ForeignText } from "./foreign-text.tsx";

/** Shown if there are no items at all. The children explain how to create the first one. */
export function NoneYet(props: {
  title: string;
  children?: ReactNode;
  /** Whether the component fills the page, so that its title is the heading of the page. */
  page?: boolean;
}) {
  const { title, children, page = false } = props;
  const Heading = page ? "h1" : "h2";
  return (
    <div className="empty">
      <Inbox size={30} strokeWidth={1.5} aria-hidden="true" />
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

/** Shown if there are items, but none matches the filter. */
export function NoneMatch({ what, scanned, onClear }: { what: string; scanned?: number; onClear(): void }) {
  return (
    <div className="empty">
      <SearchX size={30} strokeWidth={1.5} aria-hidden="true" />
      <h2>
        <Trans>No {what} match</Trans>
      </h2>
      {scanned === undefined || scanned === 0 ? null : (
        <p>
          <Trans>{scanned} looked at.</Trans>
        </p>
      )}
      <Button onPress={onClear}>{t`Clear filters`}</Button>
    </div>
  );
}

/** Shows a failed request with its cause, what to do, and the request id. */
export function Failed(props: {
  error: unknown;
  onRetry?: () => void;
  /** Whether the component fills the page, so that its title is the heading of the page. */
  page?: boolean;
}) {
  const { error, onRetry, page = false } = props;
  const failure: ApiError = toApiError(error);
  const Heading = page ? "h1" : "h2";
  return (
    <div className="empty" role="alert">
      <ServerOff size={30} strokeWidth={1.5} aria-hidden="true" />
      <Heading>{failure.unreachable ? t`Cannot reach the API` : t`This did not work`}</Heading>
      <p>
        <ForeignText text={failure.detail} />
      </p>
      {failure.remedy === null ? null : <p>{failure.remedy}</p>}
      {failure.requestId === null ? null : (
        <p className="hint mono">
          <Trans>request {failure.requestId}</Trans>
        </p>
      )}
      {onRetry === undefined ? null : <Button onPress={onRetry}>{t`Try again`}</Button>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="empty" aria-busy="true">
      <p>
        <Trans>Loading {what}…</Trans>
      </p>
    </div>
  );
}
