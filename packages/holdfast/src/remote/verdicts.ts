import { HoldfastError, LIMITS } from "@holdfast/contracts";
import type { Verdict } from "../engine/engine.ts";
import { toldOf } from "../engine/signature.ts";
import { eventsText } from "../engine/steps.ts";
import { DEFAULT_BACKOFF } from "../worker/backoff.ts";
import { judge } from "../worker/retry-policy.ts";
import { errorText, saneDelayMs, type Thrown } from "../worker/thrown.ts";
import type { RemoteError, RemoteVerdict } from "./remote-worker.ts";
import type { RemoteLease } from "./token.ts";

/**
 * Turns what a remote worker has sent into a verdict for Redis.
 * @param now the time of Redis, ms since the epoch
 * @param version the version of the worker, "" if it is not known
 */
export function verdictOf(
  told: RemoteVerdict,
  lease: RemoteLease,
  { maxRetries, now, version }: { maxRetries: number; now: number; version: string },
): Verdict {
  const of = { id: told.id, fence: lease.fence };
  switch (told.verdict) {
    case "complete":
      return told.resultText === undefined || isTooLarge(told.resultText)
        ? { kind: "ack", ...of }
        : { kind: "ack", ...of, resultText: told.resultText };
    case "fail":
      return {
        kind: "fail",
        ...of,
        delayMs: told.delayMs ?? backoffOf(told.error, lease, maxRetries),
        ...errorOf(told.error, lease, version),
      };
    case "fatal":
      return { kind: "fatal", ...of, ...errorOf(told.error, lease, version) };
    case "cancel":
      return { kind: "cancel", ...of, error: textOf(told.error ?? named("CancelTask", "cancelled")) };
    case "postpone": {
      const error = errorOf(told.error ?? named("Postpone", "postponed"), lease, version);
      return { kind: "excuse", ...of, delayMs: Math.max(1, saneDelayMs(told.delayMs)), ...error };
    }
    case "rate_limit": {
      const asked = told.scope ?? "key";
      const scope = asked === "key" && !lease.hasKey ? "queue" : asked;
      return { kind: "limited", ...of, delayMs: saneDelayMs(told.delayMs), scope };
    }
    case "suspend":
      return {
        kind: "suspend",
        ...of,
        delayMs: Math.max(0, told.until - now),
        events: eventsText(told.events),
      };
    case "no_handler":
      return { kind: "unrouted", ...of };
    default:
      return { kind: told.verdict, ...of };
  }
}

/** Returns a text for each result that is too large to be stored. */
export function warningsOf(verdicts: readonly RemoteVerdict[]): string[] {
  return verdicts.flatMap((told, at) => {
    if (told.verdict !== "complete" || told.resultText === undefined || !isTooLarge(told.resultText))
      return [];
    const bytes = Buffer.byteLength(told.resultText);
    return [
      `verdicts/${at}: task ${told.id} is completed without its result, which has ${bytes} bytes of JSON, more than ${LIMITS.resultBytes}`,
    ];
  });
}

const isTooLarge = (text: string) => Buffer.byteLength(text) > LIMITS.resultBytes;

const named = (name: string, message: string): RemoteError => ({ name, message });

function thrownOf({ name, message, stack = "", code }: RemoteError): Thrown {
  const frames = stack === "" || stack.startsWith("\n") ? stack : `\n${stack}`;
  return { name, message, frames, ...(code === undefined ? {} : { code }) };
}

const textOf = (error: RemoteError) => errorText(thrownOf(error));

/** The failures of remote workers are counted without tags, because a remote worker does not send the tags back. */
function errorOf(thrown: RemoteError, { type }: RemoteLease, version: string) {
  const error = textOf(thrown);
  return { error, told: toldOf({ type, version, tags: [], error }) };
}

/** Returns the wait before the next attempt, ms, by the backoff of the task or the default one. */
function backoffOf(error: RemoteError, { attempt, own }: RemoteLease, maxRetries: number): number {
  const policy = { maxRetries, backoff: DEFAULT_BACKOFF, isFailure: undefined, deadLetter: true };
  const judged = judge(thrownOf(error), policy, {
    ...{ attempt, error, own, random: Math.random() },
    task: () => {
      throw new HoldfastError("internal", "the default policy reads no task");
    },
    onError: () => {},
  });
  return "delayMs" in judged ? judged.delayMs : 0;
}
