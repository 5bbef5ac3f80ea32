import type { TaskSteps, TaskStepView } from "@holdfast/contracts";
import { bytes, count, plural } from "../../format/number.ts";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";

const SHOWN = 20;

const STATES: Record<TaskStepView["kind"], Record<TaskStepView["outcome"], string>> = {
  step: { done: "done", open: "open", timed_out: "timed out" },
  sleep: { done: "slept until", open: "sleeps until", timed_out: "slept until" },
  wait: { done: "got its signal", open: "waits until", timed_out: "timed out" },
  call: { done: "has its result", open: "waits for its task", timed_out: "timed out" },
};

/** Shows the last durable steps of a task, and the signals that it has not used yet. */
export function StepsPanel({ steps: { count: total, bytes: size, steps, signals } }: { steps: TaskSteps }) {
  return (
    <section className="panel" aria-label="Steps">
      <div className="panel-head">
        <h2>Steps</h2>
        <span className="hint">
          {plural(total, "step")}, {bytes(size)}
          {total > SHOWN ? `; the last ${count(SHOWN)}` : ""}
        </span>
      </div>
      <dl className="panel-body facts">
        {steps.slice(-SHOWN).map((step) => (
          <div key={`${step.kind} ${step.name}`} style={{ display: "contents" }}>
            <dt>
              <ForeignText text={step.name} />
            </dt>
            <dd>
              {STATES[step.kind][step.outcome]} {step.calledId ?? <Time at={step.at} />}
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
              signal, not used yet <Time at={signal.at} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
