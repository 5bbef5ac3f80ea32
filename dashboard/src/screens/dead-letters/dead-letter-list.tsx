import type { TaskView } from "@holdfast/contracts";
import { Link } from "@tanstack/react-router";
import { count } from "../../format/number.ts";
import { Button } from "../../ui/button.tsx";
import { Checkbox } from "../../ui/checkbox.tsx";
import { ReasonBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useNarrow } from "../../ui/use-narrow.ts";
import { VirtualList } from "../../ui/virtual-list.tsx";
import type { DeadLetterActions } from "./use-dead-letter-actions.tsx";

interface DeadLetterListProps {
  queue: string;
  rows: TaskView[];
  selected: ReadonlySet<string>;
  onSelect(selected: ReadonlySet<string>): void;
  onEnd(): void;
  actions: DeadLetterActions;
}

export function DeadLetterList({ queue, rows, selected, onSelect, onEnd, actions }: DeadLetterListProps) {
  const narrow = useNarrow();
  const all = rows.length > 0 && rows.every((task) => selected.has(task.id));
  const toggle = (id: string, on: boolean) => {
    const next = new Set(selected);
    if (on) next.add(id);
    else next.delete(id);
    onSelect(next);
  };
  return (
    <VirtualList
      label="Dead letters"
      className="dead-letters"
      head={
        <>
          <div role="columnheader" className="cell">
            <Checkbox
              label="Select all loaded"
              isSelected={all}
              isIndeterminate={!all && selected.size > 0}
              onChange={(on) => onSelect(on ? new Set(rows.map((task) => task.id)) : new Set())}
            />
          </div>
          {["Task", "Type", "Reason", "Attempts", "Last error", "Died"].map((text) => (
            <div key={text} role="columnheader" className="cell">
              {text}
            </div>
          ))}
          <div role="columnheader" className="cell">
            <span className="visually-hidden">Actions</span>
          </div>
        </>
      }
      rows={rows}
      rowHeight={narrow ? 136 : 44}
      rowKey={(task) => task.id}
      onEnd={onEnd}
      row={(task) => (
        <>
          <div className="cell cell-check" role="cell">
            <Checkbox
              label={`Select ${task.id}`}
              isSelected={selected.has(task.id)}
              onChange={(on) => toggle(task.id, on)}
            />
          </div>
          <div className="cell cell-id clip" role="cell">
            <Link
              className="mono"
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
          <div className="cell cell-wide clip mono" role="cell" title={(task.lastError ?? "").slice(0, 500)}>
            {task.lastError === null ? <span className="zero">none</span> : task.lastError.slice(0, 300)}
          </div>
          <div className="cell cell-half clip" role="cell">
            {task.endedAt === null ? null : <Time at={task.endedAt} />}
          </div>
          <div className="cell cell-half actions" role="cell">
            <Button small aria-describedby={`dead-${task.id}`} onPress={() => actions.replayIds([task.id])}>
              Replay
            </Button>
            <Button
              small
              look="danger"
              aria-describedby={`dead-${task.id}`}
              onPress={() => actions.discardIds([task.id])}
            >
              Discard
            </Button>
          </div>
        </>
      )}
    />
  );
}

/** Failures and crashes apart: an error in the handler and a worker that died are not the same news. */
export function AttemptCounts({ task }: { task: TaskView }) {
  return (
    <span title={`${task.attempts} attempts`}>
      {count(task.failures)} failed
      {task.crashes === 0 ? null : (
        <strong style={{ fontWeight: 600, color: "var(--dead)" }}>, {count(task.crashes)} crashed</strong>
      )}
      {task.failures + task.crashes === 0 ? <span className="hint"> of {count(task.attempts)}</span> : null}
    </span>
  );
}
