import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { taskQuery } from "../../api/tasks.ts";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import { ExactText } from "../../ui/exact-text.tsx";
import { FactList } from "../../ui/fact-list.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { ReasonBadge, StateBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { TaskActions } from "../tasks/task-actions.tsx";

interface SidePanelProps {
  queue: string;
  id: string;
  /** The task with the data of the list; undefined if the list has not loaded it. */
  row: TaskView | undefined;
  onClose(): void;
}

const moment = (at: number | null) => (at === null ? null : <Time at={at} />);

/** Shows the task of a row beside the list. */
export function SidePanel({ queue, id, row, onClose }: SidePanelProps) {
  const query = useQuery(taskQuery(queue, id));
  const task = query.data ?? row;
  return (
    <aside className="side-panel panel" aria-label={t`Task of the row`}>
      <div className="panel-head">
        <h2 className="clip">
          <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id }}>
            {id}
          </Link>
        </h2>
        <Button small look="quiet" aria-label={t`Hide the task`} onPress={onClose}>
          <X size={14} aria-hidden="true" />
        </Button>
      </div>
      {task !== undefined ? (
        <TaskSummary task={task} />
      ) : query.isError ? (
        <Failed error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <Loading what={t`the task`} />
      )}
    </aside>
  );
}

function TaskSummary({ task }: { task: TaskView }) {
  return (
    <>
      <div className="panel-body">
        <TaskActions task={task} />
      </div>
      <FactList
        rows={[
          [t`State`, <StateBadge key="state" state={task.state} />],
          [
            t`Reason`,
            task.deadReason === null ? null : <ReasonBadge key="reason" reason={task.deadReason} />,
          ],
          [t`Type`, task.type],
          [t`Queue`, task.queue],
          [t`Attempts`, String(task.attempts)],
          [t`Tags`, task.tags.length === 0 ? null : <ForeignText key="tags" text={task.tags.join(", ")} />],
          [t`Key`, task.key === null ? null : <ForeignText key="key" text={task.key} />],
          [t`Enqueued`, moment(task.enqueuedAt)],
          [t`Due`, moment(task.state === "scheduled" ? task.runAt : null)],
          [t`Ended`, moment(task.endedAt)],
          [t`Worker`, task.workerId],
        ]}
      />
      {task.lastError === null ? null : (
        <ExactText title={t`Last error`} name="error" text={task.lastError} />
      )}
      <ExactText title={t`Payload`} name="payload" text={task.payloadText} byteCount={task.payloadBytes} />
      {task.resultText === null ? null : <ExactText title={t`Result`} name="result" text={task.resultText} />}
    </>
  );
}
