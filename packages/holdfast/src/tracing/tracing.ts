import type { VerdictOutcome } from "../engine/engine.ts";
import type { TraceContext } from "./trace-context.ts";

/**
 * Receives the spans. The library itself knows no tracer: `openTelemetry()` of `holdfast/opentelemetry` is one. Without a tracer
 * an enqueue and an attempt cost nothing more.
 */
export interface Tracing {
  /** An enqueue begins. */
  enqueue(about: EnqueueAbout): EnqueueSpan;
  /** A handler is about to be called. */
  attempt(about: AttemptAbout): AttemptSpan;
}

export interface EnqueueAbout {
  queue: string;
  /** Tasks of this one call. */
  count: number;
  /** The options of the only task. */
  type?: string;
  /** The trace that the caller named. Without it the current one is used. */
  parent: TraceContext | undefined;
}

export interface EnqueueSpan {
  /** Stored with each of the tasks. */
  readonly context: TraceContext | undefined;
  end(result: { id?: string; duplicate?: boolean; error?: unknown }): void;
}

export interface AttemptAbout {
  queue: string;
  id: string;
  type: string;
  workerId: string;
  /** Counted from 1. */
  attempt: number;
  /** Raised by each replay. */
  generation: number;
  payloadText: string;
  /** The trace context of the enqueue. */
  parent: TraceContext | undefined;
  /** The span of the attempt before this one, if that failed. In the same generation this is a retry, otherwise a replay. */
  previous: string | undefined;
}

export interface AttemptSpan {
  readonly context: TraceContext | undefined;
  /** Calls the handler, so that what it does belongs to this attempt. */
  run<T>(handler: () => T): T;
  log(line: string): void;
  /** The handler is through; the time of its end is now. */
  ended(error: unknown): void;
  /** Redis confirmed what becomes of the task, or never did. */
  settled(outcome: VerdictOutcome): void;
}
