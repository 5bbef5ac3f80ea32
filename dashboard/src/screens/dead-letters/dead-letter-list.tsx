import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { useCallback, useRef } from "react";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { RowButton } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { ColumnHeads } from "../../ui/grid-head.tsx";
import { ReasonBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { type RowCells, VirtualList } from "../../ui/virtual-list.tsx";
import { SelectAllCell, SelectCell } from "../tasks/select-cell.tsx";
import type { Selection } from "../tasks/use-selection.ts";
import type { TaskList } from "../tasks/use-task-list.ts";
import type { DeadLetterActions } from "./use-dead-letter-actions.tsx";

interface DeadLetterListProps {
  queue: string;
  list: TaskList;
  selection: Selection;
  actions: DeadLetterActions;
}

export function DeadLetterList({ queue, list, selection, actions }: DeadLetterListProps) {
  const { denied } = useSession();
  const why = denied("control", queue);
  const { toggle } = selection;
  const latest = useRef(actions);
  latest.current = actions;
  const Cells = useCallback<RowCells<TaskView>>(
    ({ value: task, index, selected }) => (
      <>
        <SelectCell id={task.id} index={index} selected={selected} toggle={toggle} />
        <div className="cell cell-id clip" role="cell">
          <Link
            className="mono"
            data-row-link=""
            id={`dead-${task.id}`}
            to="/queues/$queue/tasks/$id"
            params={{ queue, id: task.id }}
          >
            {task.id}
          </Link>
        </div>
        <div className="cell cell-half clip" role="cell">
          {task.type}
        </div>
        <div className="cell cell-half" role="cell">
          <ReasonBadge reason={task.deadReason} />
        </div>
        <div className="cell cell-half clip" role="cell">
          <AttemptCounts task={task} />
        </div>
        <div
          className="cell cell-wide clip mono"
          role="cell"
          title={plainText((task.lastError ?? "").slice(0, 500))}
        >
          {task.lastError === null ? (
            <span className="zero">{t`none`}</span>
          ) : (
            <ForeignText text={task.lastError.slice(0, 300)} />
          )}
        </div>
        <div className="cell cell-half" role="cell">
          {task.endedAt === null ? null : <Time at={task.endedAt} />}
        </div>
        <div className="cell cell-half actions" role="cell">
          <RowButton
            denied={why}
            describedBy={`dead-${task.id}`}
            onPress={() => latest.current.replayOne(task.id)}
          >
            {t`Replay`}
          </RowButton>
          <RowButton
            look="danger"
            denied={why}
            describedBy={`dead-${task.id}`}
            onPress={() => latest.current.discard({ ids: [task.id] }, task.id)}
          >
            {t`Discard`}
          </RowButton>
        </div>
      </>
    ),
    [queue, why, toggle],
  );
  return (
    <VirtualList
      label={t`Dead letters`}
      className="dead-letters"
      head={
        <>
          <SelectAllCell selection={selection} />
          <ColumnHeads columns={[t`Task`, t`Type`, t`Reason`, t`Attempts`, t`Last error`, t`Died`]} />
        </>
      }
      rows={list.rows}
      cardHeight={136}
      rowKey={(task) => task.id}
      onEnd={list.more}
      onToggle={(_, index) => toggle(index, false)}
      onAtTop={list.setAtTop}
      isSelected={(task) => selection.has(task.id)}
      Cells={Cells}
    />
  );
}

/** Shows failures and crashes separately. In a failure the handler failed, and in a crash the worker died. */
function AttemptCounts({ task }: { task: TaskView }) {
  return (
    <span title={t`${task.attempts} attempts`}>
      <Trans>{count(task.failures)} failed</Trans>
      {task.crashes === 0 ? null : (
        <strong style={{ fontWeight: 600, color: "var(--dead)" }}>
          <Trans>, {count(task.crashes)} crashed</Trans>
        </strong>
      )}
      {task.failures + task.crashes === 0 ? (
        <span className="hint">
          <Trans> of {count(task.attempts)}</Trans>
        </span>
      ) : null}
      {task.generation === 0 ? null : <span className="hint">{t`, died again`}</span>}
    </span>
  );
}
