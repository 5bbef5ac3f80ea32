import type { VerdictOutcome } from "../engine/engine.ts";
import type { TraceContext } from "./trace-context.ts";

/**
 * Receives the spans. The library itself contains no tracer; `openTelemetry()` of `holdfast/opentelemetry` is one.
 * Without a tracer, enqueues and attempts have no extra cost.
 */
export interface Tracing {
  /** Called when an enqueue begins. */
  enqueue(about: EnqueueAbout): EnqueueSpan;
  /** Called before a handler is called. */
  attempt(about: AttemptAbout): AttemptSpan;
}

/** What a tracer learns about an enqueue before it is sent. */
export interface EnqueueAbout {
  /** The name of the queue. */
  queue: string;
  /** How many tasks this call has. */
  count: number;
  /** The type of the task, if the call has only one. */
  type?: string;
  /** The trace that the caller named. Without it, the current trace is used. */
  parent: TraceContext | undefined;
}

/** The span of one enqueue, or of one call with many tasks. */
export interface EnqueueSpan {
  /** Stored with each of these tasks. */
  readonly context: TraceContext | undefined;
  /** Called when the tasks are stored, or the enqueue has failed. */
  end(result: { id?: string; duplicate?: boolean; error?: unknown }): void;
}

/** What a tracer learns about an attempt before it begins. */
export interface AttemptAbout {
  /** The name of the queue. */
  queue: string;
  /** The id of the task. */
  id: string;
  /** The type of the task. */
  type: string;
  /** The worker that runs the attempt. */
  workerId: string;
  /** Counted from 1. */
  attempt: number;
  /** Raised by each replay. */
  generation: number;
  /** The exact text that was enqueued. */
  payloadText: string;
  /** The trace context of the enqueue. */
  parent: TraceContext | undefined;
  /**
   * The span of the previous attempt, if that attempt failed. If it belongs to the same generation, this attempt is a
   * retry; otherwise it is a replay.
   */
  previous: string | undefined;
}

/** The span of one attempt. */
export interface AttemptSpan {
  /** The context for calls that the handler makes; undefined if nothing is traced. */
  readonly context: TraceContext | undefined;
  /** Calls the handler so that its work belongs to this attempt. */
  run<T>(handler: () => T): T;
  /** Called with each line that the handler logs. */
  log(line: string): void;
  /** Called when the handler has ended. */
  ended(error: unknown): void;
  /** Called when Redis has confirmed the outcome of the task, or when that has finally failed. */
  settled(outcome: VerdictOutcome): void;
}
