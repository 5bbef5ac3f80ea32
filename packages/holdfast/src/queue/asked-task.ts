import type { TaskOptions } from "@holdfast/contracts";
import { partsChanged } from "../engine/registry.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import type { EnqueueReceipt, EnqueueSink, PreparedTask } from "./enqueue-buffer.ts";

/** One enqueue of a caller, and how to answer it. One object per task: it lives until Redis answers. */
export class AskedTask implements EnqueueSink {
  readonly task: PreparedTask;
  readonly type: string;
  readonly payloadText: string;
  readonly options: TaskOptions | undefined;
  readonly trace: TraceContext | undefined;
  readonly resolve: (receipt: EnqueueReceipt) => void;
  readonly reject: (error: unknown) => void;
  readonly #onMoved: (task: AskedTask) => void;

  constructor(
    task: PreparedTask,
    type: string,
    payloadText: string,
    options: TaskOptions | undefined,
    trace: TraceContext | undefined,
    onMoved: (task: AskedTask) => void,
  ) {
    this.task = task;
    this.type = type;
    this.payloadText = payloadText;
    this.options = options;
    this.trace = trace;
    this.resolve = settlers.resolve;
    this.reject = settlers.reject;
    this.#onMoved = onMoved;
  }

  accepted(_place: number, receipt: EnqueueReceipt): void {
    this.resolve(receipt);
  }

  refused(_place: number, error: unknown): void {
    if (partsChanged(error)) this.#onMoved(this);
    else this.reject(error);
  }
}

// An executor of its own for each promise would be a closure and its context more per task: `new Promise(keepSettlers)`,
// and at once, before any other, the task that takes them over.
const settlers: { resolve: (receipt: EnqueueReceipt) => void; reject: (error: unknown) => void } = {
  resolve: () => {},
  reject: () => {},
};
export function keepSettlers(
  resolve: (receipt: EnqueueReceipt) => void,
  reject: (error: unknown) => void,
): void {
  settlers.resolve = resolve;
  settlers.reject = reject;
}
