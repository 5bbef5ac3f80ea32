import type { LogLevel, TaskSchedule } from "@holdfast/contracts";
import type { StepStore } from "../steps/step-store.ts";
import type { AttemptAborted } from "../worker/attempt-aborted.ts";
import type { HandlerOptions } from "../worker/handler.ts";
import type { Thrown } from "../worker/thrown.ts";

/**
 * An attempt as a worker sends it to a child process. Messages are sent as JSON, so that a lone surrogate in a payload
 * is kept.
 */

export interface SentTask {
  id: string;
  type: string;
  queue: string;
  payloadText: string;
  attempt: number;
  enqueuedAt: number;
  tags: readonly string[];
  schedule: TaskSchedule | null;
  flow: { id: string; name: string } | null;
  token: string;
  traceparent: string | null;
}

/** A message to a child process. `run` is the number of an attempt, `call` the number of a request of its handler. */
export type ToChild =
  /**
   * The first message. Each message of this library has its `key`, because handlers and their imports may also use the
   * channel.
   */
  | { kind: "start"; key: string; files: readonly string[] }
  | { kind: "run"; run: number; task: SentTask }
  | { kind: "abort"; run: number; reason: AttemptAborted["reason"]; message: string }
  /** The answer to a request. `text`: what was read. `error`: the error to throw. */
  | { kind: "answer"; call: number; text?: string; error?: Thrown };

export type FromChild =
  | { kind: "ready"; handlers: SentHandlers }
  | { kind: "broken"; message: string }
  | { kind: "uncaught"; message: string }
  /** `refused`: why the value cannot be stored. */
  | { kind: "progress"; run: number; call: number; text?: string; refused?: Refused }
  | { kind: "checkpoint"; run: number; call: number; text: string }
  | { kind: "read_checkpoint"; run: number; call: number }
  | { kind: "log"; run: number; call: number; text: string; level: LogLevel }
  /** A call of a method of the step store in the worker. `argument` is JSON text. */
  | { kind: "steps"; run: number; call: number; method: keyof StepStore; argument: string }
  /** `tooLarge`: the handler has completed, but its result is too large to be stored. */
  | { kind: "done"; run: number; text?: string; tooLarge?: string }
  | { kind: "failed"; run: number; error: Thrown };

/** The handlers of a child process by their rules, with their options. */
export type SentHandlers = Readonly<Record<string, Omit<HandlerOptions, "handler">>>;

export interface Refused {
  code: "invalid_argument" | "payload_too_large";
  message: string;
}
