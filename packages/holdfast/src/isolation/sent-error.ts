import { CancelTask, FatalError, Postpone, RateLimited, RetryAfter } from "@holdfast/contracts";
import type { Thrown } from "../worker/thrown.ts";

/** Turns what a child process threw into an error of this process, or a text if it is not an error. */
export function receivedError(sent: Thrown): unknown {
  const { name, message, frames, code, means, delayMs = 0, scope, cause, errors, text } = sent;
  if (text !== undefined && means === undefined) return text;
  const said = text ?? message;
  const options = cause === undefined ? {} : { cause: receivedError(cause) };
  const error =
    means === "fatal"
      ? new FatalError(said, options)
      : means === "retry_after"
        ? new RetryAfter(delayMs, said, options)
        : means === "postpone"
          ? new Postpone(Math.max(1, delayMs), said, options)
          : means === "cancel"
            ? new CancelTask(said, options)
            : means === "rate_limited"
              ? new RateLimited(Math.max(1, delayMs), { ...options, scope })
              : errors
                ? new AggregateError(errors.map(receivedError), said, options)
                : new Error(said, options);
  if (name !== "" && error.name !== name) error.name = name;
  error.stack = `${error.name}: ${said}${frames}`;
  return code === undefined ? error : Object.assign(error, { code });
}
