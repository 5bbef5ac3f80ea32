import { t } from "@lingui/core/macro";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { toApiError } from "../../api/errors.ts";
import { cronPreviewQuery } from "../../api/schedules.ts";
import { zoned } from "./zoned.ts";

interface CronPreviewProps {
  cron: string;
  timeZone: string;
  onErrors(errors: CronErrors): void;
}

/** Why the service refuses each field; null if the field is valid. */
export interface CronErrors {
  cron: string | null;
  timeZone: string | null;
}

export const NO_CRON_ERRORS: CronErrors = { cron: null, timeZone: null };

/**
 * Returns the errors of a refused preview by field. If an error names no field, it is shown at the expression, where
 * most errors are.
 */
function errorsOf(error: unknown): CronErrors {
  const { detail, errors } = toApiError(error);
  return errors.some(({ path }) => path === "/timeZone")
    ? { cron: null, timeZone: detail }
    : { cron: detail, timeZone: null };
}

/**
 * How long to wait after a key press, ms. It is longer than the usual pause between two key presses, so a text is
 * sent only when the user stops typing.
 */
const TYPING_MS = 250;

/** Shows the expression in words and its next five runs, as the service computes them. */
export function CronPreview({ cron, timeZone, onErrors }: CronPreviewProps) {
  const [asked, setAsked] = useState({ cron, timeZone });
  useEffect(() => {
    const timer = setTimeout(() => setAsked({ cron, timeZone }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [cron, timeZone]);
  const query = useQuery({
    ...cronPreviewQuery(asked.cron.trim(), asked.timeZone.trim()),
    placeholderData: keepPreviousData,
    enabled: asked.cron.trim() !== "" && asked.timeZone.trim() !== "",
  });
  const errors = useMemo(
    () => (query.error === null ? NO_CRON_ERRORS : errorsOf(query.error)),
    [query.error],
  );
  useEffect(() => onErrors(errors), [errors, onErrors]);
  if (query.error !== null || query.data === undefined) return null;
  return (
    <div className="cron-preview" role="status">
      <p>
        <strong>{query.data.words}</strong>
      </p>
      <ul className="next-runs" aria-label={t`Next runs`}>
        {query.data.nextRuns.map((at) => (
          <li key={at}>{zoned(at, asked.timeZone.trim())}</li>
        ))}
      </ul>
      {query.data.nextRuns.length === 0 ? <p className="error-text">{t`It never fires.`}</p> : null}
    </div>
  );
}
