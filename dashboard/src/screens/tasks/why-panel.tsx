import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { CircleHelp } from "lucide-react";
import { toApiError } from "../../api/errors.ts";
import { whyQuery } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";

/** Shows why the task does not run, as the service explains it. */
export function WhyPanel({ queue, id }: { queue: string; id: string }) {
  const { paused } = useLive();
  const { data, error } = useQuery({ ...whyQuery(queue, id), refetchInterval: paused ? false : 2_000 });
  return (
    <section className="panel" aria-label={t`Why isn't it running?`}>
      <div className="panel-body why">
        <CircleHelp size={17} aria-hidden="true" />
        <div>
          <h2>{t`Why isn't it running?`}</h2>
          {data === undefined ? (
            <p className="soft">{error === null ? t`Looking…` : toApiError(error).detail}</p>
          ) : (
            <>
              <p>
                <ForeignText text={data.detail} />
              </p>
              <p className="hint">
                {data.position === null
                  ? null
                  : data.positionIsEstimate
                    ? t`About ${count(data.position)} before it.`
                    : t`${count(data.position)} before it.`}{" "}
                {data.expectedStartAt === null ? null : (
                  <Trans>
                    Expected start: <Time at={data.expectedStartAt} />
                  </Trans>
                )}
              </p>
            </>
          )}
        </div>
      </div>
    </section>
  );
}
