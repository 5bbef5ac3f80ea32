import type { TaskView } from "@holdfast/contracts";
import type { Why } from "../observer/why.ts";

/**
 * Explains why a node was skipped.
 * @param cause the task that did not complete; null if it was purged
 */
export function whySkipped(task: TaskView, id: string, cause: TaskView | null): Why {
  const ended =
    cause === null
      ? "did not complete"
      : cause.state === "dead"
        ? `is dead (${cause.deadReason}): a replay of that dead letter opens this task again`
        : `is ${cause.state}`;
  return {
    state: task.state,
    reason: "skipped",
    detail: `it was skipped because of task ${id}, which ${ended}`,
    position: null,
    positionIsEstimate: false,
    expectedStartAt: null,
  };
}
