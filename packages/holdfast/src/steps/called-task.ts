import { HoldfastError, type TaskOptions, type TaskState } from "@holdfast/contracts";
import type { Engine, Verdict, VerdictOutcome } from "../engine/engine.ts";
import { bandOf, encodeEnvelope } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkTaskType, queueOfPartition } from "../engine/names.ts";
import { type SignalOutcome, sendSignal } from "../engine/steps.ts";
import { taskView } from "../engine/task-view.ts";
import { mintPartitionId } from "../partitions/partition-names.ts";
import { mintId } from "../queue/mint-ids.ts";
import { keyFull, queueFull } from "../queue/refusals.ts";

/**
 * The options of a task that a handler enqueues with `ctx.call`. Options about the id and about duplicates are left
 * out, because the library makes the id and enqueues the task exactly once.
 */
export type CalledOptions = Omit<
  TaskOptions,
  "id" | "ifEnded" | "unique" | "durability" | "replicas" | "partitionKey"
>;

/** A task that another task, the caller, enqueues with `ctx.call`. */
export interface CalledTask {
  id: string;
  type: string;
  payloadText: string;
  options: CalledOptions;
}

/** The state of a called task. `ageMs`: since its enqueue. "failed": it did not complete, or was purged. */
export type CalledState =
  | { kind: "open"; ageMs: number }
  | { kind: "completed"; resultText: string }
  | { kind: "failed"; state: TaskState | "gone"; message: string };

/** Thrown by `ctx.call` if the called task ended without completing. */
export class CallFailed extends Error {
  /** The id of the called task. */
  readonly taskId: string;
  /** The state in which the task ended. "gone": the queue does not know the task any more. */
  readonly state: TaskState | "gone";

  constructor(taskId: string, state: TaskState | "gone", message: string) {
    super(message);
    this.name = "CallFailed";
    this.taskId = taskId;
    this.state = state;
  }
}

/** The event that tells the caller of the end. No event of a user has this name, because none begins with "=". */
export const endOf = (id: string) => `=${id}`;

/** Returns a new id for a called task. In a queue with partitions, the task goes to the partition of its caller. */
export function mintCalledId(queue: string): string {
  return queueOfPartition(queue) === null ? mintId() : mintPartitionId(Number(queue.split("/")[1]));
}

/** Enqueues a called task, unless it was enqueued before. @throws HoldfastError queue_full, key_full, redis_* */
export async function enqueueCalled(
  engine: Engine,
  caller: string,
  { id, type, payloadText, options }: CalledTask,
): Promise<void> {
  checkTaskType(type);
  const now = engine.connection.now();
  const print = fingerprintOf(type, payloadText, options);
  // The option `a` of the envelope is the id of the caller, which is told when this task ends.
  const envelope = encodeEnvelope(type, now, payloadText, options, print).replace("\n", ` a=${caller}\n`);
  const band = bandOf(options);
  const count = (name: string) => (band === name ? 1 : 0);
  const { verdicts } = await engine.enqueue({
    ...{ checked: true, once: true, tail: [id, envelope] },
    ...{ high: count("high"), normal: count("normal"), low: count("low"), keyed: count("keyed") },
  });
  if (verdicts === "f") throw queueFull(engine.queue, id);
  if (verdicts === "k") throw keyFull(engine.queue, id);
}

export async function readCalled(engine: Engine, id: string): Promise<CalledState> {
  const [raw] = await engine.get([id]);
  const task = raw && taskView(engine.queue, raw);
  if (!task)
    return { kind: "failed", state: "gone", message: `task ${id}, which was called, is not known any more` };
  const { state, type, deadReason, lastError } = task;
  if (state === "completed") return { kind: "completed", resultText: task.resultText ?? "null" };
  if (state === "dead" || state === "cancelled" || state === "expired") {
    const why = deadReason === null ? "" : `: ${deadReason}`;
    const error = lastError === null ? "" : `: ${lastError.split("\n", 1)[0]}`;
    return {
      kind: "failed",
      state,
      message: `task ${id} (${type}), which was called, is ${state}${why}${error}`,
    };
  }
  return { kind: "open", ageMs: Math.max(0, engine.connection.now() - task.enqueuedAt) };
}

/**
 * Tells the caller that a called task has ended. If this signal is lost, the caller notices the end a little later,
 * because it also reads the called task from time to time.
 * @param resultText "" if the task did not complete; the caller then reads the state of the task
 */
function tellCaller(engine: Engine, caller: string, id: string, resultText: string): Promise<SignalOutcome> {
  return sendSignal(engine, caller, endOf(id), resultText);
}

/** Tells the caller that the called task has ended, if this verdict has ended it. */
export async function tellEnd(
  engine: Engine,
  { id, caller }: { id: string; caller: string },
  outcome: VerdictOutcome,
  verdict: Verdict,
): Promise<void> {
  if (outcome !== "acked" && outcome !== "dead" && outcome !== "cancelled") return;
  await tellCaller(engine, caller, id, verdict.kind === "ack" ? (verdict.resultText ?? "null") : "");
}

/** Refuses options that `ctx.call` does not have. @throws HoldfastError invalid_argument */
export function refuseOptions(options: object): void {
  for (const name of ["id", "ifEnded", "unique", "durability", "replicas", "partitionKey"])
    if (name in options)
      throw new HoldfastError(
        "invalid_argument",
        `ctx.call has no option ${name}: a called task is enqueued once`,
      );
}
