import type { TaskSteps, TaskStepView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { bytes, count } from "../../format/number.ts";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";

const SHOWN = 20;

const STATES: Record<TaskStepView["kind"], Record<TaskStepView["outcome"], () => string>> = {
  step: { done: () => t`done`, open: () => t`open`, timed_out: () => t`timed out` },
  sleep: { done: () => t`slept until`, open: () => t`sleeps until`, timed_out: () => t`slept until` },
  wait: { done: () => t`got its signal`, open: () => t`waits until`, timed_out: () => t`timed out` },
  call: { done: () => t`has its result`, open: () => t`waits for its task`, timed_out: () => t`timed out` },
};

/** Shows the last durable steps of a task, and the signals that it has not used yet. */
export function StepsPanel({ steps: { count: total, bytes: size, steps, signals } }: { steps: TaskSteps }) {
  return (
    <section className="panel" aria-label={t`Steps`}>
      <div className="panel-head">
        <h2>{t`Steps`}</h2>
        <span className="hint">
          <Plural value={total} one="# step" other="# steps" />, {bytes(size)}
          {total > SHOWN ? t`; the last ${count(SHOWN)}` : ""}
        </span>
      </div>
      <dl className="panel-body facts">
        {steps.slice(-SHOWN).map((step) => (
          <div key={`${step.kind} ${step.name}`} style={{ display: "contents" }}>
            <dt>
              <ForeignText text={step.name} />
            </dt>
            <dd>
              {STATES[step.kind][step.outcome]()} {step.calledId ?? <Time at={step.at} />}
            </dd>
          </div>
        ))}
        {signals.map((signal, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two signals may have one event and one time
          <div key={`${signal.event} ${signal.at} ${place}`} style={{ display: "contents" }}>
            <dt>
              <ForeignText text={signal.event} />
            </dt>
            <dd>
              <Trans>
                signal, not used yet <Time at={signal.at} />
              </Trans>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
