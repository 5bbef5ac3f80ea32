import type { TaskView } from "@holdfast/contracts";
import type { OperationView } from "@holdfast/contracts/api";
import type { Engine } from "../engine/engine.ts";
import { taskView } from "../engine/task-view.ts";

type CanaryView = NonNullable<OperationView["canary"]>;

/** The result of a canary: the first few tasks of a replay, which have to complete before the others are replayed. */
export interface CanaryVerdict {
  passed: boolean;
  detail: string | null;
  /** The tasks that did not complete. */
  failed: { id: string; detail: string }[];
}

/**
 * Checks the tasks of a canary. Returns null while some of them have not ended.
 * @param seen the ids of tasks that an earlier check has found completed; they may have been removed since
 * @param shown returns the parts of a task that the operation may show. @default all parts
 */
export async function lookAtCanary(
  canary: CanaryView,
  targets: readonly { engine: Engine; id: string }[],
  seen: Set<string>,
  isLate: boolean,
  shown: (task: TaskView) => TaskView = (task) => task,
): Promise<CanaryVerdict | null> {
  const failed: CanaryVerdict["failed"] = [];
  let open = 0;
  for (const { engine, id } of targets) {
    if (seen.has(id)) continue;
    const [raw] = await engine.get([id]);
    const task = raw ? taskView(engine.queue, raw) : null;
    if (task?.state === "completed") seen.add(id);
    else if (task === null)
      failed.push({ id, detail: "the task no longer exists, and was never seen completed" });
    else if (task.state === "dead" || task.state === "cancelled" || task.state === "expired") {
      const { lastError } = shown(task);
      const error = lastError === null ? "" : `: ${lastError.split("\n", 1)[0]}`;
      failed.push({ id, detail: `it is ${task.state}${task.state === "dead" ? error : ""}` });
    } else if (isLate) failed.push({ id, detail: `the task is still ${task.state}` });
    else open++;
  }
  canary.completed = seen.size;
  // One failed task is enough: the operation stops, although the other tasks of the canary may go on.
  if (failed.length > 0) {
    const what = isLate ? ` within ${canary.waitMs / 1_000} s` : "";
    const [{ id, detail } = { id: "", detail: "" }] = failed;
    return {
      passed: false,
      detail: `${seen.size} of ${targets.length} completed${what}; task ${id}: ${detail}`,
      failed,
    };
  }
  return open === 0 ? { passed: true, detail: null, failed } : null;
}
