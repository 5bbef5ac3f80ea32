import type { TaskView } from "@holdfast/contracts";

/** The fields of a task that queries can use. */
export type FilteredTask = Pick<
  TaskView,
  | "id"
  | "queue"
  | "type"
  | "state"
  | "priority"
  | "attempts"
  | "tags"
  | "key"
  | "flow"
  | "payloadText"
  | "lastError"
  | "deadReason"
  | "signature"
  | "enqueuedAt"
  | "runAt"
  | "endedAt"
>;

/** Returns the time by which lists of the task's state are sorted. */
export function timeOf(task: Pick<TaskView, "state" | "enqueuedAt" | "runAt" | "endedAt">): number {
  if (task.state === "scheduled") return task.runAt ?? 0;
  return task.state === "pending" || task.state === "processing" ? task.enqueuedAt : (task.endedAt ?? 0);
}
