import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Link } from "@tanstack/react-router";
import { PanelRight } from "lucide-react";
import { type ReactNode, useCallback, useRef } from "react";
import { taskKey } from "../../ui/use-paged.ts";
import { type RowCells, VirtualList } from "../../ui/virtual-list.tsx";
import type { DeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";
import { SelectAllCell, SelectCell } from "../tasks/select-cell.tsx";
import type { Selection } from "../tasks/use-selection.ts";
import type { TaskList } from "../tasks/use-task-list.ts";
import { type ColumnId, TASK_COLUMNS, type TaskColumn } from "./columns.tsx";

interface TaskTableProps {
  label: string;
  list: TaskList;
  /** The loaded tasks in the order that is shown. */
  rows: readonly TaskView[];
  columns: readonly ColumnId[];
  /** The selected rows; null if rows cannot be selected. */
  selection: Selection | null;
  sort: string | undefined;
  onSort(sort: string | undefined): void;
  /** The key of the task in the side panel; null if the panel is closed. */
  shown: string | null;
  /** Shows a task in the side panel; null closes the panel. */
  onShow(task: TaskView | null): void;
  /** Called when the cursor moves to the row of a task. */
  onCursor?(task: TaskView): void;
  /** Returns the actions of the keyboard shortcuts for the task of a row. */
  actionsFor(task: TaskView): DeadLetterActions | null;
  /** The last cell of each row, and its width. */
  actions?: { width: string; cell(task: TaskView): ReactNode };
  /** The height of a row on a narrow screen, px. */
  cardHeight: number;
  className: string;
}

/** The rows of a list of tasks, with the columns that the user chose. */
export function TaskTable(props: TaskTableProps) {
  const { label, list, rows, columns, selection, sort, onSort, shown, onShow, actionsFor, actions } = props;
  const toggle = selection?.toggle;
  const latest = useRef(actions);
  latest.current = actions;
  const hasActions = actions !== undefined;
  const show = useRef(onShow);
  show.current = onShow;
  const Cells = useCallback<RowCells<TaskView>>(
    ({ value: task, index, selected }) => (
      <>
        {toggle === undefined ? null : (
          <SelectCell id={task.id} index={index} selected={selected} toggle={toggle} />
        )}
        <div className="cell cell-id task-id" role="cell">
          <Link
            className="mono clip"
            data-row-link=""
            id={`task-${task.id}`}
            to="/queues/$queue/tasks/$id"
            params={{ queue: task.queue, id: task.id }}
          >
            {task.id}
          </Link>
          <button
            type="button"
            className="beside"
            aria-label={t`Show ${task.id} beside the list`}
            onClick={() => show.current(task)}
          >
            <PanelRight size={13} aria-hidden="true" />
          </button>
        </div>
        {columns.map((id) => {
          const column: TaskColumn = TASK_COLUMNS[id];
          return (
            <div key={id} className={`cell ${column.narrow ?? ""}`} role="cell">
              {column.cell(task)}
            </div>
          );
        })}
        {hasActions ? (
          <div className="cell cell-half actions" role="cell">
            {latest.current?.cell(task)}
          </div>
        ) : null}
      </>
    ),
    [columns, hasActions, toggle],
  );
  const onKey = (key: string, task: TaskView): boolean => {
    if (key === "p") {
      onShow(shown === taskKey(task) ? null : task);
      return true;
    }
    const acts = task.state === "dead" && ["r", "e", "d"].includes(key) ? actionsFor(task) : null;
    if (acts === null) return false;
    if (key === "r") acts.replayOne(task.id);
    else if (key === "e") acts.editAndReplay(task);
    else acts.discard({ ids: [task.id] }, task.id);
    return true;
  };
  const tracks = [
    ...(selection === null ? [] : ["1.25rem"]),
    "minmax(8rem, 1.2fr)",
    ...columns.map((id) => TASK_COLUMNS[id].width),
    ...(actions === undefined ? [] : [actions.width]),
  ];
  return (
    <VirtualList
      label={label}
      className={props.className}
      columns={tracks.join(" ")}
      head={
        <>
          {selection === null ? null : <SelectAllCell selection={selection} />}
          <div role="columnheader" className="cell">
            {t`Task`}
          </div>
          {columns.map((id) => (
            <SortHead key={id} id={id} sort={sort} onSort={onSort} />
          ))}
          {actions === undefined ? null : (
            <div role="columnheader" className="cell">
              <span className="visually-hidden">{t`Actions`}</span>
            </div>
          )}
        </>
      }
      rows={rows}
      cardHeight={props.cardHeight}
      rowKey={taskKey}
      Cells={Cells}
      onEnd={list.more}
      onToggle={(_, index) => toggle?.(index, false)}
      onKey={onKey}
      startKey={shown}
      onCursor={(task) => {
        props.onCursor?.(task);
        if (shown !== null) onShow(task);
      }}
      onAtTop={list.setAtTop}
      isSelected={(task) => selection?.has(taskKey(task)) === true}
    />
  );
}

/** The head of a column. Clicks sort the loaded rows by it: ascending, then descending, then not at all. */
function SortHead({ id, sort, onSort }: { id: ColumnId } & Pick<TaskTableProps, "sort" | "onSort">) {
  const order = sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
  const next = order === "none" ? id : order === "ascending" ? `-${id}` : undefined;
  return (
    <div role="columnheader" className="cell" aria-sort={order}>
      <button type="button" className="sort-head" onClick={() => onSort(next)}>
        {TASK_COLUMNS[id].title()}
        <span aria-hidden="true">{order === "ascending" ? " ▲" : order === "descending" ? " ▼" : ""}</span>
      </button>
    </div>
  );
}
