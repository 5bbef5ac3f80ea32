import { HoldfastError, type TaskView, TERMINAL_STATES } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { placeOfRecord } from "../engine/flow-text.ts";
import { checkTaskId, queueOfPartition } from "../engine/names.ts";
import { settingsText } from "../engine/settings-text.ts";
import { taskView } from "../engine/task-view.ts";
import { EndWatch } from "../events/end-watch.ts";
import { whenAborted } from "../when-aborted.ts";
import type { WaitOptions } from "./queue-options.ts";

// The first check comes soon after the enqueue. The time between checks grows up to this, ms.
const LONGEST_STEP_MS = 200;

export const isTerminal = ({ state }: TaskView): boolean =>
  (TERMINAL_STATES as readonly string[]).includes(state);

/** Returns null if there is no task with this id, and throws if the task may have existed and is not kept. */
async function withoutTask(engine: Engine, queue: string, id: string, isKnown: boolean): Promise<null> {
  const text = await engine.connection.command<string | null>("HGET", engine.keys.state, "#settings");
  const { retentionMs, retentionCount } = settingsText(text ?? "").settings;
  const keepsNothing = retentionMs === 0 || retentionCount === 0;
  if (!isKnown && !keepsNothing) return null;
  const kept = keepsNothing
    ? `queue "${queue}" keeps no ended tasks: its ${retentionMs === 0 ? "retentionMs" : "retentionCount"} is 0`
    : `queue "${queue}" keeps up to ${retentionCount} ended tasks of each state, for ${retentionMs} ms, unless a task has the option keep`;
  const what = isKnown ? "it ended, or an operator removed it" : "it ended, or no such task ever existed";
  throw new HoldfastError("task_not_kept", `there is no record of task "${id}": ${what}; ${kept}`, {
    taskId: id,
  });
}

/**
 * Waits for the end of a task: see `Queue.wait`. If the queue keeps events, it waits for the event of the end;
 * otherwise it reads the task again and again.
 * @param engine the engine of the partition that the task is in
 */
export async function waitForTask(
  client: Holdfast,
  engine: Engine,
  queue: string,
  id: string,
  { waitMs, signal }: WaitOptions & { waitMs: number },
): Promise<TaskView | null> {
  checkTaskId(id);
  const deadline = performance.now() + waitMs;
  let watch = EndWatch.of(client, engine);
  let stepMs = 5;
  let isMoving = false;
  for (let wasThere = false; ; wasThere = true) {
    const { raw, mark } = await watch.look(id);
    const place = raw && placeOfRecord(raw.record);
    if (place && queueOfPartition(place.part) === queue) {
      // The task is a node of a flow that was sent to this other partition, or will arrive there soon.
      watch = EndWatch.of(client, client.engine(place.part));
      isMoving = place.state === "pending";
      continue;
    }
    const task = raw ? taskView(queue, raw) : null;
    // If a caller gave the id, its record is kept longer than the task.
    const leftMs = deadline - performance.now();
    if (!task && !(isMoving && leftMs > 0))
      return withoutTask(engine, queue, id, wasThere || Boolean(raw?.record));
    if (task && (isTerminal(task) || leftMs <= 0)) return task;
    signal?.throwIfAborted();
    // A waiting node may be sent to another partition, and no event says when. So it is read again and again.
    const leavesUntold = !task || (task.state === "waiting" && queueOfPartition(engine.queue) !== null);
    if (mark !== null && !leavesUntold) {
      await watch.ended(id, mark, leftMs, signal);
      continue;
    }
    await sleep(Math.min(stepMs, leftMs), signal);
    stepMs = Math.min(LONGEST_STEP_MS, stepMs * 2);
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = whenAborted(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason);
    });
    const timer = setTimeout(() => {
      forget();
      resolve();
    }, ms);
  });
}
