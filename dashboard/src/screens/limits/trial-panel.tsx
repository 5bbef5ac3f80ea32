import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useMutation } from "@tanstack/react-query";
import { toApiError } from "../../api/errors.ts";
import { type LimitsTrial, type QueueLimits, tryLimits } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { Button } from "../../ui/button.tsx";

interface TrialPanelProps {
  queue: string;
  /** The limits to try; null while they are not valid. */
  limits: QueueLimits | null;
}

/** Tries limits on the recorded tasks of the queue before the limits are saved. */
export function TrialPanel({ queue, limits }: TrialPanelProps) {
  const trial = useMutation({ mutationFn: (tried: QueueLimits) => tryLimits(queue, tried) });
  // The report belongs to the limits that were tried. It is hidden as soon as the user changes them.
  const isPresent = limits !== null && JSON.stringify(trial.variables) === JSON.stringify(limits);
  return (
    <section className="trial" aria-label={t`Trial`} aria-live="polite">
      <div className="actions">
        <Button
          isDisabled={limits === null || trial.isPending}
          onPress={() => {
            if (limits !== null) trial.mutate(limits);
          }}
        >
          {trial.isPending ? t`Working…` : t`Try`}
        </Button>
        <span className="soft">{t`Replays recorded tasks under these limits. Nothing is changed.`}</span>
      </div>
      {isPresent && trial.error !== null ? (
        <p className="error-text">{toApiError(trial.error).detail}</p>
      ) : null}
      {isPresent && trial.data !== undefined ? <Report trial={trial.data} /> : null}
    </section>
  );
}

function Report({ trial }: { trial: LimitsTrial }) {
  const { completed, waiting, isCut, firstAt, lastAt, slots, slotsToKeepUp, recorded, today, tried } = trial;
  const rows: [string, string, string, string][] = [
    [t`Wait, median`, duration(recorded.p50Ms), duration(today.wait.p50Ms), duration(tried.wait.p50Ms)],
    [
      t`Wait, 95th percentile`,
      duration(recorded.p95Ms),
      duration(today.wait.p95Ms),
      duration(tried.wait.p95Ms),
    ],
    [t`Largest backlog`, "", count(today.largestBacklog), count(tried.largestBacklog)],
    [t`Backlog at the end`, "", count(today.backlogAtEnd), count(tried.backlogAtEnd)],
    [t`Slots needed`, "", count(today.slotsNeeded), count(tried.slotsNeeded)],
  ];
  return (
    <>
      <table className="trial-table">
        <thead>
          <tr>
            {[t`What`, t`Recorded`, t`Limits of today`, t`These limits`].map((text) => (
              <th key={text} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([what, ...values]) => (
            <tr key={what}>
              <th scope="row">{what}</th>
              {["recorded", "today", "tried"].map((name, at) => (
                <td key={name}>{values[at]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="soft">
        <Trans>
          {count(completed)} completed and {count(waiting)} waiting tasks{isCut ? t` (the newest)` : ""} of{" "}
          {duration(lastAt - firstAt)}, with {count(slots)} slots; at least {count(slotsToKeepUp)} to keep up.
        </Trans>
      </p>
    </>
  );
}
