import { type Backoff, type Given, HoldfastError } from "@holdfast/contracts";
import type { Grant } from "../engine/engine.ts";
import type { Envelope } from "../engine/envelope.ts";
import { decodeBackoff, encodeBackoff } from "../engine/envelope-options.ts";

/**
 * The lease of a task that a remote worker holds. All of it is in the token that the worker sends back, so the process
 * that granted the task need not remember anything.
 */
export interface RemoteLease {
  /** `<number of the first grant>-<nonce>`, which Redis compares when the task is settled. */
  fence: string;
  /** The position of the task among those that were granted together, from 1. */
  place: number;
  /** The index of its partition. */
  part: number;
  type: string;
  attempt: number;
  /** Milliseconds since the epoch, by the clock of Redis. The other times are too. */
  enqueuedAt: number;
  grantedAt: number;
  /** How long the task waited after it could have started, ms; null if this is not its first attempt. */
  waitedMs: number | null;
  hasKey: boolean;
  /** The options that the enqueue gave to this task. */
  own: { backoff: Given<Backoff> | null; maxRetries: number | null };
  /** Whether another task has enqueued this one with `ctx.call`. */
  isCalled: boolean;
}

export function leaseOf(grant: Grant, envelope: Envelope, part: number, grantedAt: number): RemoteLease {
  const { type, enqueuedAt, key, backoff, maxRetries, caller, runAt, delayMs } = envelope;
  const dueAt = runAt ?? enqueuedAt + (delayMs ?? 0);
  return {
    fence: grant.fence,
    place: Number(grant.token.slice(grant.fence.length + 1)),
    part,
    type,
    attempt: grant.past.attempt,
    enqueuedAt,
    grantedAt,
    waitedMs: grant.past.fresh ? Math.max(0, grantedAt - dueAt) : null,
    hasKey: key !== null,
    own: { backoff, maxRetries },
    isCalled: caller !== null,
  };
}

const GRANT = /^(\d+-[\w-]{1,64})\.(\d+)$/;
const NONE: readonly string[] = [];
const number36 = (value: number | null) => (value === null ? "" : Math.round(value).toString(36));

// The fields of a token are separated by "~", which no field can contain. These functions create as few objects as
// possible, because they run for each task (hot path).

export function encodeToken(lease: RemoteLease): string {
  const { fence, place, part, type, attempt, enqueuedAt, grantedAt, waitedMs, hasKey, own, isCalled } = lease;
  const times = `${number36(enqueuedAt)}~${number36(grantedAt)}~${number36(waitedMs)}`;
  const head = `${fence}.${place}~${part}~${type}~${attempt}~${times}`;
  if (!hasKey && own.backoff === null && own.maxRetries === null && !isCalled) return head;
  const backoff = own.backoff ? encodeBackoff(own.backoff) : "";
  return [head, hasKey ? "q" : "", own.maxRetries ?? "", backoff, isCalled ? "a" : ""].join("~");
}

/** Decodes a token. @throws HoldfastError invalid_argument */
export function decodeToken(token: string): RemoteLease {
  const fields = token.split("~");
  const [grant = "", part, type = "", attempt, enqueuedAt, grantedAt, waited] = fields;
  const [, fence, place] = GRANT.exec(grant) ?? [];
  const at = Number.parseInt(grantedAt ?? "", 36);
  if (fence === undefined || type === "" || !Number.isSafeInteger(at))
    throw new HoldfastError(
      "invalid_argument",
      "token: it is not a token that an acquire returned: send it back unchanged",
      { field: "token" },
    );
  const [key = "", maxRetries = "", backoff = "", called = ""] = fields.length > 7 ? fields.slice(7) : NONE;
  return {
    fence,
    place: Number(place),
    part: Number(part),
    type,
    attempt: Number(attempt),
    enqueuedAt: Number.parseInt(enqueuedAt ?? "", 36) || 0,
    grantedAt: at,
    waitedMs: waited ? Number.parseInt(waited, 36) : null,
    hasKey: key !== "",
    own: {
      backoff: backoff === "" ? null : decodeBackoff(backoff),
      maxRetries: maxRetries === "" ? null : Number(maxRetries),
    },
    isCalled: called !== "",
  };
}
