import { FatalError, LIMITS, RetryAfter } from "@holdfast/contracts";
import type { SentError } from "./messages.ts";

// Of a stack the first lines are kept anyway.
const CHARACTERS = 4 * LIMITS.errorCharacters;

/** What was thrown, as it crosses to another process. */
export function sentError(thrown: unknown): SentError {
  try {
    if (!(thrown instanceof Error))
      return { name: "", message: "", text: String(thrown).slice(0, CHARACTERS) };
    const { name, message, stack, delayMs, code } = thrown as Error & { delayMs?: unknown; code?: unknown };
    return {
      name: String(name),
      message: String(message).slice(0, CHARACTERS),
      ...(typeof stack === "string" ? { stack: stack.slice(0, CHARACTERS) } : {}),
      ...(typeof delayMs === "number" ? { delayMs } : {}),
      ...(typeof code === "string" ? { code } : {}),
    };
  } catch {
    // Anything can be thrown: Object.create(null) has no text, a getter may throw.
    return { name: "", message: "", text: "the handler threw a value that has no text" };
  }
}

/** The thrown value as it was there: name, message and stack, and what FatalError and RetryAfter mean. */
export function receivedError(sent: SentError): unknown {
  if (sent.text !== undefined) return sent.text;
  const { name, message, stack, delayMs, code } = sent;
  let error: Error;
  if (name === "FatalError") error = new FatalError(message);
  else if (name === "RetryAfter" && delayMs !== undefined && delayMs >= 0)
    error = new RetryAfter(delayMs, message);
  else error = new Error(message);
  if (error.name !== name) error.name = name;
  error.stack = stack ?? `${name}: ${message}`;
  return code === undefined ? error : Object.assign(error, { code });
}
