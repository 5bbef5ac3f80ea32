import type { TaskState, TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Link } from "@tanstack/react-router";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";

export const timeColumn = (state: TaskState): string => {
  if (state === "scheduled") return t`Due`;
  if (state === "processing") return t`Lease ends`;
  return state === "pending" ? t`Enqueued` : t`Ended`;
};

export const lastColumn = (state: TaskState): string => {
  if (state === "completed") return t`Result`;
  if (state === "processing") return t`Worker`;
  return state === "pending" ? t`Payload` : t`Last error`;
};

/** A longer text is cut, because its layout takes time, and the column hides its end anyway. */
const SHOWN_CHARACTERS = 300;

export function TaskCells({ task, queue, state }: { task: TaskView; queue: string; state: TaskState }) {
  const at =
    state === "scheduled"
      ? task.runAt
      : state === "processing"
        ? task.leaseExpiresAt
        : state === "pending"
          ? task.enqueuedAt
          : task.endedAt;
  const last =
    state === "completed"
      ? task.resultText
      : state === "processing"
        ? task.workerId
        : state === "pending"
          ? task.payloadText
          : task.lastError;
  return (
    <>
      <div className="cell cell-id clip" role="cell">
        <Link className="mono" data-row-link="" to="/queues/$queue/tasks/$id" params={{ queue, id: task.id }}>
          {task.id}
        </Link>
      </div>
      <div className="cell cell-half clip" role="cell" title={plainText(task.tags.join(", "))}>
        {task.type}
        {task.priority === "normal" ? null : <span className="hint"> {task.priority}</span>}
        {task.tags.length === 0 ? null : (
          <span className="tag">
            <ForeignText text={(task.tags[0] ?? "").slice(0, 40)} />
            {task.tags.length > 1 ? ` +${task.tags.length - 1}` : ""}
          </span>
        )}
      </div>
      <div className="cell cell-hide" role="cell">
        {count(task.attempts)}
      </div>
      <div className="cell cell-half" role="cell">
        {at === null ? <span className="zero">{t`none`}</span> : <Time at={at} />}
      </div>
      <div
        className="cell cell-last clip mono soft"
        role="cell"
        title={plainText((last ?? "").slice(0, 500))}
      >
        <ForeignText text={(last ?? "").slice(0, SHOWN_CHARACTERS)} />
      </div>
    </>
  );
}
