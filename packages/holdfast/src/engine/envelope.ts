import { HoldfastError, type TaskOptions, type TaskSchedule } from "@holdfast/contracts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { decodeOptions, type EnvelopeOptions, encodeOptions } from "./envelope-options.ts";
import { ENVELOPE_OPTIONS, ENVELOPE_PLAIN, ENVELOPE_SCHEDULED } from "./format.ts";

/**
 * A task as its producer sent it, stored as one text: a header line, then the exact bytes of the payload.
 *     <flag><type> <enqueuedAt, base 36>[ name=value …]\n<payload>
 * The flag is `.` for a task without options, `+` with options, `@` for a scheduled task, `&` for a node of a flow. The
 * scripts read the flag and the options p, m, t, e, d, r, h, k, l, q, c and u, but never the payload. The options w and
 * v are traceparent and tracestate. The option s is the occurrence of a schedule, `<run>,<dueAt>,<scheduleId>`, with an
 * empty run if an operator started it. The option a is the task that enqueued this one with `ctx.call`.
 */
export interface Envelope extends EnvelopeOptions {
  type: string;
  payloadText: string;
  /** The time of Redis as the producer estimated it, ms since the epoch. Only for display. */
  enqueuedAt: number;
}

/** Where an enqueue may put tasks, in the order in which the script enqueue expects them. */
export const BAND_ORDER = ["high", "normal", "low", "keyed", "scheduled"] as const;
export type Band = (typeof BAND_ORDER)[number];

export function bandOf(options: TaskOptions | undefined): Band {
  if (options === undefined) return "normal";
  if (options.delayMs !== undefined || options.runAt !== undefined) return "scheduled";
  return options.key === undefined ? (options.priority ?? "normal") : "keyed";
}

/** Appends the version to a type, `order@2`. @throws HoldfastError invalid_task_type if it has a version already */
function typeWithVersion(type: string, version: number): string {
  if (!type.includes("@")) return `${type}@${version}`;
  throw new HoldfastError(
    "invalid_task_type",
    `the type "${type}" has a version already: leave out the option`,
  );
}

export function encodeEnvelope(
  type: string,
  enqueuedAt: number,
  payloadText: string,
  options?: TaskOptions,
  fingerprint?: string,
  trace?: TraceContext,
  schedule?: TaskSchedule | null,
): string {
  const { version } = options ?? {};
  const head = `${version === undefined ? type : typeWithVersion(type, version)} ${enqueuedAt.toString(36)}`;
  if (options === undefined && fingerprint === undefined && trace === undefined)
    return `${ENVELOPE_PLAIN}${head}\n${payloadText}`;
  const fields = encodeOptions(options, fingerprint, trace, schedule);
  const scheduled = options?.delayMs !== undefined || options?.runAt !== undefined;
  if (fields === "") return `${ENVELOPE_PLAIN}${head}\n${payloadText}`;
  return `${scheduled ? ENVELOPE_SCHEDULED : ENVELOPE_OPTIONS}${head}${fields}\n${payloadText}`;
}

/** Returns the envelope of a task without options. A spread of defaults would be several times slower (hot path). */
function plainEnvelope(type: string, enqueuedAt: number, payloadText: string): Envelope {
  return {
    type,
    payloadText,
    enqueuedAt,
    priority: "normal",
    maxRetries: null,
    timeoutMs: null,
    backoff: null,
    expiresAt: null,
    delayMs: null,
    runAt: null,
    tags: NO_TAGS,
    key: null,
    cost: 1,
    unique: null,
    schedule: null,
    fingerprint: null,
    keepPayload: true,
    keep: null,
    traceparent: null,
    tracestate: null,
    caller: null,
  };
}

const NO_TAGS: string[] = [];

/** Decodes the first line of an envelope. @throws HoldfastError invalid_argument if the text is not such a line */
export function decodeHeader(header: string, payloadText = ""): Envelope {
  const typeEnd = header.indexOf(" ");
  const timeEnd = header.indexOf(" ", typeEnd + 1);
  const hasOptions = timeEnd >= 0;
  const time = header.slice(typeEnd + 1, hasOptions ? timeEnd : header.length);
  const enqueuedAt = Number.parseInt(time, 36);
  if (!".+@&".includes(header.charAt(0)) || typeEnd < 2 || !Number.isSafeInteger(enqueuedAt)) {
    throw new HoldfastError("invalid_argument", "this is not a task: its header cannot be read");
  }
  const envelope = plainEnvelope(header.slice(1, typeEnd), enqueuedAt, payloadText);
  if (hasOptions) decodeOptions(envelope, header.slice(timeEnd));
  return envelope;
}

export function decodeEnvelope(text: string): Envelope {
  const newline = text.indexOf("\n");
  if (newline < 0) throw new HoldfastError("invalid_argument", "this is not a task: it has no payload");
  const payloadText = text.slice(newline + 1);
  // Hot path: a task without options, whose flag is "." (46).
  if (text.charCodeAt(0) === 46) {
    const space = text.indexOf(" ");
    const enqueuedAt = Number.parseInt(text.slice(space + 1, newline), 36);
    if (space > 1 && space < newline && Number.isSafeInteger(enqueuedAt)) {
      return plainEnvelope(text.slice(1, space), enqueuedAt, payloadText);
    }
  }
  return decodeHeader(text.slice(0, newline), payloadText);
}

/** Decodes an envelope for display. If that fails, the payload is the whole text and the type `unreadable`. */
export function decodeEnvelopeForDisplay(text: string): Envelope {
  try {
    return decodeEnvelope(text);
  } catch {
    return plainEnvelope(UNREADABLE_TYPE, 0, text);
  }
}

/** The task type that is shown if an envelope cannot be decoded. */
export const UNREADABLE_TYPE = "unreadable";
