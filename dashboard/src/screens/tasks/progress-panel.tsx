import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { percent } from "../../format/number.ts";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { progressOf } from "./progress.ts";

/** Shows the last progress that the handler reported. If the progress has a share, there is a bar. */
export function ProgressPanel({ task, json }: { task: TaskView; json: string }) {
  const { share, text } = progressOf(json);
  return (
    <section className="panel" aria-label={t`Progress`}>
      <div className="panel-head">
        <h2>
          {t`Progress`}{" "}
          <span className="hint">
            {task.state === "processing" ? t`reported by the handler` : t`the last report of the handler`}
          </span>
        </h2>
        {share === null ? null : <strong>{percent(share)}</strong>}
      </div>
      <div className="panel-body run-progress">
        {share === null ? null : (
          <div
            className="bar bar-large"
            role="progressbar"
            aria-label={t`Progress of the task`}
            aria-valuenow={Math.round(share * 100)}
            aria-valuemin={0}
            aria-valuemax={100}
          >
            <div style={{ width: `${share * 100}%` }} />
          </div>
        )}
        {text === null ? null : (
          <p>
            <ForeignText text={text} />
          </p>
        )}
        {/* The whole report is shown, because it may contain more than the bar and the text. */}
        {json === String(share) || json.startsWith('"') ? null : (
          <code className="small soft">
            <ForeignText text={json} />
          </code>
        )}
      </div>
    </section>
  );
}
