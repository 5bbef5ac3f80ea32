import { t } from "@lingui/core/macro";
import { ExternalLink } from "lucide-react";
import { useSession } from "../../session/session-context.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";

/** Shows the trace of a task, with a link if TRACE_URL is set. */
export function TraceValue({ traceId }: { traceId: string }) {
  const { traceUrl } = useSession().session;
  return (
    <>
      {traceUrl === null ? (
        <span className="mono">{traceId}</span>
      ) : (
        <a className="mono" href={traceUrl.replaceAll("{traceId}", traceId)} target="_blank" rel="noreferrer">
          {traceId} <ExternalLink size={12} aria-label={t`opens in a new tab`} />
        </a>
      )}
      <CopyButton text={traceId} label={t`Copy trace id`} />
    </>
  );
}
