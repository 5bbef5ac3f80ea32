import { type ErrorCode, HoldfastError } from "@holdfast/contracts";

/** What a failed call means: whether the script may have run, and whether the call can be sent again. */
export type Failure =
  | { kind: "retry"; sent: boolean; reason: string }
  | { kind: "no_script" }
  | { kind: "fail"; error: HoldfastError };

const RETRIED_WORDS = new Set([
  "LOADING",
  "BUSY",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "MASTERDOWN",
  "READONLY",
  "NOREPLICAS",
  "MOVED",
  "ASK",
  "UNBLOCKED",
]);

/** Errors of Redis are recognized by their first word, errors of the connection by the message of the client. */
export function classify(error: unknown): Failure {
  if (error instanceof HoldfastError) return { kind: "fail", error };
  const message = error instanceof Error ? error.message : String(error);
  const word = message.split(" ", 1)[0] ?? "";
  if (word === "NOSCRIPT") return { kind: "no_script" };
  if (RETRIED_WORDS.has(word)) return { kind: "retry", sent: false, reason: message };
  const fail = (code: ConstructorParameters<typeof HoldfastError>[0], text: string): Failure => ({
    kind: "fail",
    error: new HoldfastError(code, text, { cause: error }),
  });
  const refusal = refusalOf(error);
  if (refusal !== undefined) return { kind: "fail", error: refusal };
  switch (word) {
    case "OOM":
      return fail(
        "redis_out_of_memory",
        "Redis is at maxmemory and accepts no more tasks: let the workers drain the queue, or raise maxmemory",
      );
    case "MISCONF":
      return fail(
        "redis_read_only",
        "Redis refuses writes because it cannot persist them: free disk space, or correct its save or append-only settings",
      );
    case "HOLDFAST_LAYOUT":
      return fail("layout_too_new", "this queue was written by a newer Holdfast: upgrade this process");
    case "HOLDFAST_OLD_REQUEST":
      return fail("outcome_unknown", "a newer request of this connection was already answered");
  }
  if (/enableOfflineQueue|Stream isn't writeable/i.test(message)) {
    return { kind: "retry", sent: false, reason: "not connected" };
  }
  if (
    /timed out|Connection is closed|aborted due to connection close|Too many Cluster redirections|max retries per request|ECONN|EPIPE|ETIMEDOUT|socket|ENOTFOUND|EAI_AGAIN|All sentinels|ClusterAllFailed|Failed to refresh/i.test(
      message,
    )
  ) {
    return { kind: "retry", sent: true, reason: message };
  }
  return fail("internal", `Redis answered: ${message}`);
}

const REFUSED = /\b(?:NOAUTH|WRONGPASS|NOPERM)\b.*/s;

/**
 * Returns an error if Redis does not accept the user, or forbids its commands, because a retry cannot help then. The
 * client wraps the answers of several nodes or Sentinels in one error, so wrapped errors are searched too.
 */
export function refusalOf(error: unknown): HoldfastError | undefined {
  const { message, lastNodeError } = (error ?? {}) as { message?: unknown; lastNodeError?: unknown };
  const [answer] = (typeof message === "string" && REFUSED.exec(message)) || [];
  if (answer === undefined) return lastNodeError === undefined ? undefined : refusalOf(lastNodeError);
  const remedy = answer.startsWith("NOPERM")
    ? "its ACL has to allow what docs/redis.md lists"
    : "check the user name and the password (REDIS_USERNAME and REDIS_PASSWORD)";
  return new HoldfastError("redis_refused", `Redis refuses this user: ${remedy}. It answered: ${answer}`, {
    cause: error,
  });
}

export function closedError(): HoldfastError {
  return new HoldfastError("closed", "this connection was closed");
}

/**
 * An attempt of a call that fails with one of these codes was still waiting for a connection, so it was not sent. An
 * earlier attempt of the same call may have been sent.
 */
const NOT_SENT: ReadonlySet<ErrorCode> = new Set(["redis_unavailable", "redis_refused", "closed"]);

/**
 * Returns the error of a call that is not sent again.
 * @param maybeSent whether an attempt of the call may have reached Redis
 * @param redis the address of Redis, for the message
 */
export function lastError(
  error: unknown,
  failure: Failure,
  maybeSent: boolean,
  isClosed: boolean,
  redis: string,
): unknown {
  if (failure.kind === "no_script") return error;
  if (failure.kind === "fail" && (!maybeSent || !NOT_SENT.has(failure.error.code))) return failure.error;
  if (failure.kind === "retry" && !maybeSent && isClosed) return closedError();
  const reason = failure.kind === "retry" ? failure.reason : failure.error.message;
  const details = { cause: error, retryAfterMs: 1_000 };
  return maybeSent
    ? new HoldfastError(
        "outcome_unknown",
        `Redis did not answer in time (${reason}): the call may have run. Retry with the same id`,
        details,
      )
    : new HoldfastError("redis_unavailable", `Redis at ${redis} is not available: ${reason}`, details);
}
