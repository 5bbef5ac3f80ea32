import type { AttemptAborted } from "../worker/running-task.ts";

/** Over the channel between a worker and a child process: JSON, so a lone surrogate in a payload survives. */

export interface SentTask {
  id: string;
  type: string;
  queue: string;
  payloadText: string;
  attempt: number;
  enqueuedAt: number;
  tags: readonly string[];
  token: string;
  traceparent: string | null;
}

/** What was thrown. `text` where it was no Error. */
export interface SentError {
  name: string;
  message: string;
  stack?: string;
  delayMs?: number;
  code?: string;
  text?: string;
}

/** `run` numbers the attempts of one child, `call` what a handler asks of its context. */
export type ToChild =
  | { kind: "run"; run: number; task: SentTask }
  | { kind: "abort"; run: number; reason: AttemptAborted["reason"]; message: string }
  | { kind: "answer"; call: number; error?: SentError };

export type FromChild =
  | { kind: "ready"; types: string[] }
  | { kind: "broken"; message: string }
  | { kind: "uncaught"; message: string }
  | { kind: "progress"; run: number; call: number; text: string }
  | { kind: "log"; run: number; call: number; text: string }
  /** `unstorable`: it is done, but what it returned cannot be kept. */
  | { kind: "done"; run: number; text?: string; unstorable?: string }
  | { kind: "failed"; run: number; error: SentError };
