import { type Backoff, HoldfastError } from "@holdfast/contracts";
import { traceIdOf } from "../tracing/trace-context.ts";
import { DEFAULT_BACKOFF } from "../worker/backoff.ts";
import type { HandlerContext, Handlers, HandlerTask } from "../worker/handler.ts";
import { resultText, verdictOfError } from "../worker/running-task.ts";

export interface TestRun {
  outcome: "acked" | "retried" | "dead";
  /** What a caller of `queue.result` would see, parsed. */
  result?: unknown;
  resultText?: string;
  /** What the handler threw; with "acked", why its result could not be stored. */
  error?: unknown;
  /** The wait before the next attempt, ms, where it is retried. */
  delayMs?: number;
  attempts: number;
  progress: unknown[];
  log: string[];
}

export interface TestRunOptions {
  id?: string;
  /** Which attempt this is, from 1. @default 1 */
  attempt?: number;
  /** @default 3 */
  maxRetries?: number;
  backoff?: Backoff;
  signal?: AbortSignal;
  tags?: string[];
  /** As it would be stored with the task. */
  traceparent?: string;
  /** Runs attempt after attempt, without the waits, until the task is acked or dead. @default false */
  untilSettled?: boolean;
}

/** Runs handlers as a worker would, without Redis: payloads and results go through JSON, throws mean what they mean there. */
export function testWorker(handlers: Handlers) {
  return {
    async run(type: string, payload: unknown, options: TestRunOptions = {}): Promise<TestRun> {
      const handler = handlers[type];
      if (!handler)
        throw new HoldfastError(
          "invalid_argument",
          `there is no handler for "${type}": ${Object.keys(handlers).join(", ")}`,
        );
      const payloadText = JSON.stringify(payload);
      if (payloadText === undefined)
        throw new HoldfastError("invalid_argument", "the payload has no JSON form");
      const maxRetries = options.maxRetries ?? 3;
      const progress: unknown[] = [];
      const log: string[] = [];
      for (let attempt = options.attempt ?? 1; ; attempt++) {
        const task: HandlerTask = {
          id: options.id ?? "test-task",
          type,
          queue: "test",
          payload: JSON.parse(payloadText),
          payloadText,
          attempt,
          enqueuedAt: Date.now(),
          tags: options.tags ?? [],
        };
        const context: HandlerContext = {
          signal: options.signal ?? new AbortController().signal,
          attempt,
          token: `${attempt}-test`,
          traceId: options.traceparent === undefined ? null : traceIdOf(options.traceparent),
          traceparent: options.traceparent ?? null,
          progress: async (value) => void progress.push(value),
          log: async (line) => void log.push(line),
        };
        const ended = { attempts: attempt, progress, log };
        let returned: unknown;
        try {
          returned = await handler(task, context);
        } catch (error) {
          const verdict = verdictOfError(error, { ...DEFAULT_BACKOFF, ...options.backoff }, attempt, 0.5);
          if (verdict.kind === "fatal" || attempt > maxRetries) return { outcome: "dead", ...ended, error };
          if (!options.untilSettled) return { outcome: "retried", ...ended, error, delayMs: verdict.delayMs };
          continue;
        }
        try {
          const text = resultText(returned);
          return {
            outcome: "acked",
            ...ended,
            ...(text === undefined ? {} : { result: JSON.parse(text), resultText: text }),
          };
        } catch (error) {
          // As in a worker: the work is done, whatever it returned.
          return { outcome: "acked", ...ended, error };
        }
      }
    },
  };
}
