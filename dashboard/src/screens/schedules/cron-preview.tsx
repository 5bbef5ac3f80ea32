import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { toApiError } from "../../api/errors.ts";
import { cronPreviewQuery } from "../../api/schedules.ts";
import { zoned } from "./zoned.ts";

interface CronPreviewProps {
  cron: string;
  timeZone: string;
  onError(message: string | null): void;
}

/** Long enough for the next key of somebody who types. */
const TYPING_MS = 250;

/** The expression in words and its next five runs, by the service: the one that will fire them. */
export function CronPreview({ cron, timeZone, onError }: CronPreviewProps) {
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
  const problem = query.error === null ? null : toApiError(query.error).detail;
  useEffect(() => onError(problem), [problem, onError]);
  if (problem !== null || query.data === undefined) return null;
  return (
    <div className="cron-preview" role="status">
      <p>
        <strong>{query.data.words}</strong>
      </p>
      <ul className="next-runs" aria-label="Next runs">
        {query.data.nextRuns.map((at) => (
          <li key={at}>{zoned(at, asked.timeZone.trim())}</li>
        ))}
      </ul>
      {query.data.nextRuns.length === 0 ? <p className="error-text">It never fires.</p> : null}
    </div>
  );
}
