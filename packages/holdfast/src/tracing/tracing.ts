import type { VerdictOutcome } from "../engine/engine.ts";
import type { TraceContext } from "./trace-context.ts";

/**
 * A tracer, which receives trace spans. `openTelemetry()` of `holdfast/opentelemetry` creates one. Without a tracer,
 * enqueues and attempts have no extra cost.
 */
export interface Tracing {
  /** Called when an enqueue begins. */
  enqueue(about: EnqueueAbout): EnqueueSpan;
  /** Called before a handler is called. */
  attempt(about: AttemptAbout): AttemptSpan;
}

/** What is known about an enqueue before it is sent. */
export interface EnqueueAbout {
  /** The name of the queue. */
  queue: string;
  /** How many tasks the call has. */
  count: number;
  /** The task type, if the call has only one task. */
  type?: string;
  /** The trace context of the caller; undefined: use the current trace. */
  parent: TraceContext | undefined;
}

/** The span of one enqueue, or of one call with many tasks. */
export interface EnqueueSpan {
  /** The trace context that is stored with the tasks. */
  readonly context: TraceContext | undefined;
  /** Called when the tasks are stored, or when the enqueue has failed. */
  end(result: { id?: string; duplicate?: boolean; error?: unknown }): void;
}

/** What is known about an attempt before it begins. */
export interface AttemptAbout {
  /** The name of the queue. */
  queue: string;
  /** The id of the task. */
  id: string;
  /** The type of the task. */
  type: string;
  /** The worker that runs the attempt. */
  workerId: string;
  /** The number of the attempt, from 1. */
  attempt: number;
  /** 0 at first; each replay adds 1. */
  generation: number;
  /** The payload as exact JSON text. */
  payloadText: string;
  /** The trace context of the enqueue. */
  parent: TraceContext | undefined;
  /**
   * The `traceparent` of the previous attempt, if that attempt failed and was traced. In the same generation this
   * attempt is a retry, otherwise it follows a replay.
   */
  previous: string | undefined;
}

/** The span of one attempt. */
export interface AttemptSpan {
  /** The trace context for calls that the handler makes; undefined if nothing is traced. */
  readonly context: TraceContext | undefined;
  /** Calls the handler so that spans inside it belong to this attempt. */
  run<T>(handler: () => T): T;
  /** Called with each line that the handler logs. */
  log(line: string): void;
  /** Called when the handler has ended. `error` is what it threw. */
  ended(error: unknown): void;
  /** Called when Redis has confirmed the outcome of the attempt, or when that has finally failed. */
  settled(outcome: VerdictOutcome): void;
}
