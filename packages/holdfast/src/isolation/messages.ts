import type { TaskSchedule } from "@holdfast/contracts";
import type { AttemptAborted } from "../worker/attempt-aborted.ts";
import type { HandlerOptions } from "../worker/handler.ts";
import type { Thrown } from "../worker/thrown.ts";

/** Over the channel between a worker and a child process: JSON, so a lone surrogate in a payload survives. */

export interface SentTask {
  id: string;
  type: string;
  queue: string;
  payloadText: string;
  attempt: number;
  enqueuedAt: number;
  tags: readonly string[];
  schedule: TaskSchedule | null;
  token: string;
  traceparent: string | null;
}

/** `run` numbers the attempts of one child, `call` what a handler asks of its context. */
export type ToChild =
  /** First of all. `key` is in each message of ours: handlers, and what they import, may use the channel as well. */
  | { kind: "start"; key: string; files: readonly string[] }
  | { kind: "run"; run: number; task: SentTask }
  | { kind: "abort"; run: number; reason: AttemptAborted["reason"]; message: string }
  /** `text`: what was read. `error`: what the call has to throw. */
  | { kind: "answer"; call: number; text?: string; error?: Thrown };

export type FromChild =
  | { kind: "ready"; handlers: SentHandlers }
  | { kind: "broken"; message: string }
  | { kind: "uncaught"; message: string }
  /** `refused`: the value cannot be stored. */
  | { kind: "progress"; run: number; call: number; text?: string; refused?: Refused }
  | { kind: "checkpoint"; run: number; call: number; text: string }
  | { kind: "read_checkpoint"; run: number; call: number }
  | { kind: "log"; run: number; call: number; text: string }
  /** `tooLarge`: it is done, but what it returned is not kept. */
  | { kind: "done"; run: number; text?: string; tooLarge?: string }
  | { kind: "failed"; run: number; error: Thrown };

/** The rules of the handlers of a child, with their options. */
export type SentHandlers = Readonly<Record<string, Omit<HandlerOptions, "handler">>>;

export interface Refused {
  code: "invalid_argument" | "payload_too_large";
  message: string;
}
