import { asHoldfastError, type TaskOptions } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import { flatTask, type NewTask, optionsOfNewTask } from "../engine/task-options.ts";
import type { ViewedBytes } from "../redis/tail-bytes.ts";
import { type TraceContext, traceOf } from "../tracing/trace-context.ts";
import { type ColumnsResult, toTasks } from "./columns.ts";
import type { DurableEnqueues, PartState } from "./durable-enqueues.ts";
import { mintId } from "./mint-ids.ts";
import { checkWellFormed, payloadTextOf } from "./new-task.ts";
import { PlainRun } from "./plain-call.ts";
import type { EnqueueResult, EnqueueSink } from "./receipt.ts";
import { givenId } from "./task-checks.ts";

/** The enqueues of many tasks in one part of a queue. */
export class BatchEnqueues {
  readonly #part: PartState;
  readonly #durable: DurableEnqueues;

  constructor(part: PartState, durable: DurableEnqueues) {
    this.#part = part;
    this.#durable = durable;
  }

  /** See `Queue.enqueueMany`. */
  async addMany(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    const { client, opening, tasks: newTasks, buffer } = this.#part;
    const refusal = await opening.refusal();
    if (refusal) return tasks.map((task) => ({ ok: false, id: givenId(task), error: refusal }));
    const now = client.connection.now();
    return inBatch(tasks, (given, place, sink) => {
      const task = flatTask(given);
      const options = optionsOfNewTask(task);
      const { type } = task;
      const payloadText = task.payloadText ?? payloadTextOf(task.payload);
      if (task.payloadText !== undefined) checkWellFormed(payloadText);
      const own = options === undefined ? trace : (traceOf(options) ?? trace);
      const prepared = newTasks.prepare(type, payloadText, options, task.fingerprint, now, own);
      if (!this.#isDurable(options)) buffer.push(prepared, sink, place);
      else {
        this.#durable.add({ type, payloadText, options, trace: own }).then(
          (receipt) => sink.accepted(place, receipt),
          (error) => sink.refused(place, error),
        );
      }
    });
  }

  /** See `Queue.enqueueColumns`. @param headers the result of `headersOf` */
  async addColumns(
    tasks: TaskColumns,
    headers: Map<string, ViewedBytes>,
    trace: TraceContext | undefined,
  ): Promise<ColumnsResult> {
    const { queue, opening, tasks: newTasks, buffer } = this.#part;
    const error = await opening.refusal();
    if (error) return { ids: null, results: tasks.types.map(() => ({ ok: false, id: null, error })) };
    if (newTasks.mintId !== mintId || this.#isDurable(undefined))
      return { ids: null, results: await this.addMany(toTasks(tasks), trace) };
    return new Promise((resolve) => {
      buffer.pushRun(new PlainRun(queue, tasks, headers, resolve));
    });
  }

  #isDurable(options: TaskOptions | undefined): boolean {
    return (options?.durability ?? this.#part.durability.default) !== "memory";
  }
}

/**
 * Enqueues the tasks of a batch, and resolves when every task has a result.
 * @param add enqueues one task and reports its outcome to `sink`; if it throws, the task is refused
 */
function inBatch(
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
