import type { LogLevel, TaskSchedule } from "@holdfast/contracts";
import type { StepStore } from "../steps/step-store.ts";
import type { AttemptAborted } from "../worker/attempt-aborted.ts";
import type { HandlerOptions } from "../worker/handler.ts";
import type { Thrown } from "../worker/thrown.ts";

/**
 * The messages between a worker and a child process. They are sent as JSON, so a lone surrogate in a payload survives.
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

/** `run` numbers the attempts of one child. `call` numbers the requests of a handler to its context. */
export type ToChild =
  /**
   * The first message. It has the `key`, which is part of each message of our own code, because handlers and their
   * imports may use the channel too.
   */
  | { kind: "start"; key: string; files: readonly string[] }
  | { kind: "run"; run: number; task: SentTask }
  | { kind: "abort"; run: number; reason: AttemptAborted["reason"]; message: string }
  /** `text`: what the worker read. `error`: the error that the call has to throw. */
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
  /** A call of the step store of the worker. `argument` is JSON text. */
  | { kind: "steps"; run: number; call: number; method: keyof StepStore; argument: string }
  /** `tooLarge`: the handler has ended, but the value that it returned is too large to be stored. */
  | { kind: "done"; run: number; text?: string; tooLarge?: string }
  | { kind: "failed"; run: number; error: Thrown };

/** The rules of the handlers of a child, with their options. */
export type SentHandlers = Readonly<Record<string, Omit<HandlerOptions, "handler">>>;

export interface Refused {
  code: "invalid_argument" | "payload_too_large";
  message: string;
}
