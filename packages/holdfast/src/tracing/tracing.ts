import type { VerdictOutcome } from "../engine/engine.ts";
import type { TraceContext } from "./trace-context.ts";

/**
 * Where spans go. The library knows no tracer: `openTelemetry()` of `holdfast/opentelemetry` is one, and without any
 * an enqueue and an attempt cost what they cost before.
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
  /** Of the only task. */
  type?: string;
  /** What the caller said it belongs to. Without it: whatever is current. */
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
  /** Of the enqueue. */
  parent: TraceContext | undefined;
  /** Of the attempt before this one, where that failed: of this generation a retry, else a replay. */
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
