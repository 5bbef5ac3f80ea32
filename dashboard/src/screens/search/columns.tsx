import type { TaskView } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import type { ReactNode } from "react";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { ReasonBadge, StateBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";

/** A column of a list of tasks. */
export interface TaskColumn {
  title(): string;
  /** The width of the column, as in `grid-template-columns`. */
  width: string;
  /** The CSS class that places the cell on a narrow screen. */
  narrow?: "cell-half" | "cell-wide" | "cell-hide" | "cell-last";
  cell(task: TaskView): ReactNode;
  /** The value by which the column is sorted; tasks with null come last. */
  value(task: TaskView): string | number | null;
}

/**
 * The most characters of a text in a cell. The browser would lay out a longer text in full, although the column hides
 * its end.
 */
const SHOWN_CHARACTERS = 300;
const PRIORITY_RANK = { high: 0, normal: 1, low: 2 };

const none = () => <span className="zero">{t`none`}</span>;
const exact = (text: string | null) => (
  <span className="clip mono soft block" title={plainText((text ?? "").slice(0, 500))}>
    {text === null || text === "" ? none() : <ForeignText text={text.slice(0, SHOWN_CHARACTERS)} />}
  </span>
);
const moment = (at: number | null) => (at === null ? none() : <Time at={at} />);

function timeOf(task: TaskView): number | null {
  if (task.state === "scheduled") return task.runAt;
  if (task.state === "processing") return task.leaseExpiresAt;
  return task.endedAt ?? task.enqueuedAt;
}

function detailOf(task: TaskView): string | null {
  if (task.state === "completed") return task.resultText;
  if (task.state === "processing") return task.workerId;
  return task.lastError ?? task.payloadText;
}

/** Shows failures (the handler failed) and crashes (the worker died) separately. */
function AttemptCounts({ task }: { task: TaskView }) {
  const { attempts, failures, crashes, generation } = task;
  return (
    <span className="clip" title={plural(attempts, { one: "# attempt", other: "# attempts" })}>
      {t`${count(failures)} failed`}
      {crashes === 0 ? null : (
        <strong style={{ fontWeight: 600, color: "var(--dead)" }}>{t`, ${count(crashes)} crashed`}</strong>
      )}
      {failures + crashes === 0 ? <span className="hint">{t` of ${count(attempts)}`}</span> : null}
      {generation === 0 ? null : <span className="hint">{t`, died again`}</span>}
    </span>
  );
}

/** The columns that a list of tasks can have, in addition to the id of the task. */
export const TASK_COLUMNS = {
  queue: {
    title: () => t`Queue`,
    ...{ width: "minmax(5rem, 0.8fr)", narrow: "cell-half" },
    cell: ({ queue }) => <span className="clip block">{queue}</span>,
    value: ({ queue }) => queue,
  },
  state: {
    title: () => t`State`,
    ...{ width: "7.5rem", narrow: "cell-half" },
    cell: ({ state }) => <StateBadge state={state} />,
    value: ({ state }) => state,
  },
  type: {
    title: () => t`Type`,
    ...{ width: "minmax(6rem, 1.2fr)", narrow: "cell-half" },
    cell: ({ type, priority, tags }) => (
      <span className="clip block" title={plainText(tags.join(", "))}>
        {type}
        {priority === "normal" ? null : <span className="hint"> {priority}</span>}
        {tags.length === 0 ? null : (
          <span className="tag">
            <ForeignText text={(tags[0] ?? "").slice(0, 40)} />
            {tags.length > 1 ? ` +${tags.length - 1}` : ""}
          </span>
        )}
      </span>
    ),
    value: ({ type }) => type,
  },
  reason: {
    title: () => t`Reason`,
    ...{ width: "minmax(8rem, 9.5rem)", narrow: "cell-half" },
    cell: ({ deadReason }) => (deadReason === null ? none() : <ReasonBadge reason={deadReason} />),
    value: ({ deadReason }) => deadReason,
  },
  attempts: {
    title: () => t`Attempts`,
    ...{ width: "minmax(4.5rem, 0.9fr)", narrow: "cell-hide" },
    cell: (task) => (task.state === "dead" ? <AttemptCounts task={task} /> : count(task.attempts)),
    value: ({ attempts }) => attempts,
  },
  time: {
    title: () => t`Time`,
    ...{ width: "minmax(6.75rem, 0.8fr)", narrow: "cell-half" },
    cell: (task) => moment(timeOf(task)),
    value: timeOf,
  },
  enqueued: {
    title: () => t`Enqueued`,
    ...{ width: "minmax(6.75rem, 0.8fr)", narrow: "cell-hide" },
    cell: ({ enqueuedAt }) => moment(enqueuedAt),
    value: ({ enqueuedAt }) => enqueuedAt,
  },
  priority: {
    title: () => t`Priority`,
    ...{ width: "5rem", narrow: "cell-hide" },
    cell: ({ priority }) => priority,
    value: ({ priority }) => PRIORITY_RANK[priority],
  },
  key: {
    title: () => t`Key`,
    ...{ width: "minmax(4rem, 0.7fr)", narrow: "cell-hide" },
    cell: ({ key }) => exact(key),
    value: ({ key }) => key,
  },
  tags: {
    title: () => t`Tags`,
    ...{ width: "minmax(5rem, 1fr)", narrow: "cell-hide" },
    cell: ({ tags }) => exact(tags.join(", ")),
    value: ({ tags }) => tags.join(", "),
  },
  worker: {
    title: () => t`Worker`,
    ...{ width: "minmax(5rem, 0.9fr)", narrow: "cell-hide" },
    cell: ({ workerId }) => exact(workerId),
    value: ({ workerId }) => workerId,
  },
  payload: {
    title: () => t`Payload`,
    ...{ width: "minmax(5rem, 1.6fr)", narrow: "cell-hide" },
    cell: ({ payloadText }) => exact(payloadText),
    value: ({ payloadText }) => payloadText,
  },
  detail: {
    title: () => t`Error, result or payload`,
    ...{ width: "minmax(5rem, 2.2fr)", narrow: "cell-last" },
    cell: (task) => exact(detailOf(task)),
    value: detailOf,
  },
  error: {
    title: () => t`Last error`,
    ...{ width: "minmax(6rem, 2.2fr)", narrow: "cell-wide" },
    cell: ({ lastError }) => exact(lastError),
    value: ({ lastError }) => lastError,
  },
} as const satisfies Record<string, TaskColumn>;

export type ColumnId = keyof typeof TASK_COLUMNS;
export const COLUMN_IDS = Object.keys(TASK_COLUMNS) as ColumnId[];

/** Sorts loaded tasks by a column. @param sort the name of the column, with a minus before it for the largest first */
export function sortTasks(rows: readonly TaskView[], sort: string | undefined): readonly TaskView[] {
  const id = COLUMN_IDS.find((each) => each === sort?.replace("-", ""));
  if (id === undefined) return rows;
  const column: TaskColumn = TASK_COLUMNS[id];
  const sign = sort?.startsWith("-") ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [one, other] = [column.value(a), column.value(b)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    if (typeof one === "number" && typeof other === "number") return sign * (one - other);
    return sign * String(one).localeCompare(String(other));
  });
}
