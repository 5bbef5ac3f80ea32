// Makes verdicts: messages that tell Redis how an attempt ended (completed, failed, or given up).
import type { HoldfastError } from "@holdfast/contracts";
import type { Verdict } from "../engine/engine.ts";
import type { Envelope } from "../engine/envelope.ts";
import { tracedError } from "../engine/record.ts";
import { toldOf } from "../engine/signature.ts";
import { isSampled } from "../tracing/trace-context.ts";
import type { AttemptSpan } from "../tracing/tracing.ts";
import { failedCall } from "./attempt-writes.ts";
import type { HandlerTask } from "./handler.ts";
import type { HandlerEntry } from "./handler-entry.ts";
import { storedResult } from "./json-text.ts";
import { judge } from "./retry-policy.ts";
import { errorText, readThrown } from "./thrown.ts";

interface EndedAttempt {
  readonly id: string;
  readonly fence: string;
  readonly type: string;
  readonly tags: readonly string[];
  readonly attempt: number;
  readonly envelope: Envelope | null;
  readonly entry: HandlerEntry | undefined;
  readonly span: AttemptSpan | undefined;
  readonly workerVersion: string;
  asTask(): HandlerTask;
  onError(error: HoldfastError): void;
}

/** @throws FatalError if the result has no JSON form */
export function resultVerdict(of: EndedAttempt, result: unknown): Verdict {
  const { id, fence } = of;
  const { text, tooLarge } = storedResult(result);
  if (tooLarge) of.onError(failedCall("the result", id, tooLarge));
  return text === undefined ? { kind: "ack", id, fence } : { kind: "ack", id, fence, resultText: text };
}

/** @param error what the handler threw */
export function errorVerdict(of: EndedAttempt, error: unknown): Verdict {
  const { id, fence, attempt, envelope } = of;
  const thrown = readThrown(error);
  const verdict = judge(thrown, of.entry as HandlerEntry, {
    attempt,
    error,
    own: { backoff: envelope?.backoff ?? null, maxRetries: envelope?.maxRetries ?? null },
    random: Math.random(),
    task: () => of.asTask(),
    onError: (problem) => of.onError(problem),
  });
  if (verdict.kind === "limited") {
    const scope = verdict.scope === "key" && envelope?.key == null ? "queue" : verdict.scope;
    return { ...verdict, scope, id, fence };
  }
  const own = of.span?.context?.traceparent;
  const text = errorText(thrown);
  // The span context of a traced attempt is stored with its error, so that the next attempt can link to it.
  const stored = own !== undefined && isSampled(own) ? tracedError(own, text) : text;
  const failure = { id, fence, error: stored, told: told(of, text) };
  // Not a spread of the verdict, which takes 2 µs (hot path).
  if (verdict.kind === "fail") return { kind: verdict.kind, delayMs: verdict.delayMs, ...failure };
  return { ...verdict, ...failure };
}

/** Makes the verdict for an envelope that cannot be read. A retry would not help, so the task becomes a dead letter. */
export function unreadableVerdict(of: EndedAttempt, error: unknown): Verdict {
  const text = errorText(readThrown(error));
  return { kind: "quarantine", id: of.id, fence: of.fence, error: text, told: told(of, text) };
}

function told({ type, workerVersion, tags }: EndedAttempt, error: string): string {
  return toldOf({ type, version: workerVersion, tags, error });
}

/** Makes the error of an attempt that took too long. @param timeoutMs the time-out; null: `expiresAt` ended it */
export function timeoutError(timeoutMs: number | null): Error {
  const error = new Error(
    timeoutMs === null ? "its expiresAt has passed" : `timed out after ${timeoutMs} ms`,
  );
  error.name = "TimeoutError";
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
