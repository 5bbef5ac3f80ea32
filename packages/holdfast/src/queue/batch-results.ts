import { asHoldfastError } from "@holdfast/contracts";
import type { NewTask } from "../engine/task-options.ts";
import type { EnqueueResult, EnqueueSink } from "./receipt.ts";
import { givenId } from "./task-checks.ts";

/**
 * Enqueues the tasks of a batch, and resolves when every task has a result.
 * @param add enqueues one task and reports its outcome to `sink`; if it throws, the task is refused
 */
export function inBatch(
  tasks: readonly NewTask[],
  add: (task: NewTask, place: number, sink: EnqueueSink) => void,
): Promise<EnqueueResult[]> {
  return new Promise((resolve) => {
    const results = new Array<EnqueueResult>(tasks.length);
    let open = tasks.length;
    if (open === 0) resolve(results);
    const end = (place: number, result: EnqueueResult) => {
      results[place] = result;
      if (--open === 0) resolve(results);
    };
    const sink: EnqueueSink = {
      accepted: (place, receipt) => end(place, { ok: true, receipt }),
      refused: (place, error) => {
        const known = asHoldfastError(error);
        end(place, { ok: false, id: known.taskId ?? givenId(tasks[place]), error: known });
      },
    };
    for (let place = 0; place < tasks.length; place++) {
      try {
        add(tasks[place] as NewTask, place, sink);
      } catch (error) {
        sink.refused(place, error);
      }
    }
  });
}
