import { HoldfastError, type TaskOptions, type TaskSchedule } from "@holdfast/contracts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { decodeOption, type EnvelopeOptions, encodeOptions } from "./envelope-options.ts";
import { ENVELOPE_OPTIONS, ENVELOPE_PLAIN, ENVELOPE_SCHEDULED } from "./format.ts";

/**
 * The immutable part of a task, as one text: a header line, then the exact bytes of the payload.
 *
 *     <flag><type> <enqueuedAt, base 36>[ name=value …]\n<payload>
 *
 * The flag is `.` for no options, `+` for options, `@` for options of a scheduled task, `&` for a node of a flow. The
 * scripts read the flag and the options p, m, t, e, d, r, h, k, l, q, c and u, but never the payload. The options w and
 * v are traceparent and tracestate. The option s is the occurrence of a schedule: `<run, empty if an operator started
 * it>,<dueAt>,<scheduleId>`. The option a is the task that called this one by `ctx.call`.
 */
export interface Envelope extends EnvelopeOptions {
  type: string;
  payloadText: string;
  /** Redis time as the producer knew it. Only for display. */
  enqueuedAt: number;
}

/** The places where an enqueue puts tasks, in the order in which the enqueue script wants its arguments. */
export const BAND_ORDER = ["high", "normal", "low", "keyed", "scheduled"] as const;
export type Band = (typeof BAND_ORDER)[number];

export function bandOf(options: TaskOptions | undefined): Band {
  if (options === undefined) return "normal";
  if (options.delayMs !== undefined || options.runAt !== undefined) return "scheduled";
  return options.key === undefined ? (options.priority ?? "normal") : "keyed";
}

/** @throws HoldfastError invalid_task_type if the type has a version already */
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

/**
 * Returns an envelope without options. Each field is written out, because a spread of defaults is several times slower
 * (hot path).
 */
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

// Most tasks of a batch have the same options, so the last options are kept decoded. Options that differ from task to
// task (tags, trace) are not kept.
let knownText = "";
let known = plainEnvelope("", 0, "");
const KNOWN_CHARACTERS = 64;

/** Reads a header that has the same options as the last one that was read; undefined for any other header. */
function decodeAsBefore(header: string, payloadText: string): Envelope | undefined {
  const typeEnd = header.indexOf(" ");
  const timeEnd = header.indexOf(" ", typeEnd + 1);
  if (typeEnd < 2 || timeEnd < 0 || header.slice(timeEnd) !== knownText) return undefined;
  const enqueuedAt = Number.parseInt(header.slice(typeEnd + 1, timeEnd), 36);
  if (!Number.isSafeInteger(enqueuedAt)) return undefined;
  const envelope = plainEnvelope(header.slice(1, typeEnd), enqueuedAt, payloadText);
  envelope.priority = known.priority;
  envelope.maxRetries = known.maxRetries;
  envelope.timeoutMs = known.timeoutMs;
  envelope.backoff = known.backoff;
  envelope.expiresAt = known.expiresAt;
  envelope.delayMs = known.delayMs;
  envelope.runAt = known.runAt;
  envelope.key = known.key;
  envelope.cost = known.cost;
  envelope.unique = known.unique;
  envelope.schedule = known.schedule;
  envelope.fingerprint = known.fingerprint;
  envelope.keepPayload = known.keepPayload;
  envelope.keep = known.keep;
  envelope.caller = known.caller;
  return envelope;
}

/** Reads a header line. @throws HoldfastError invalid_argument if the text is not a header */
export function decodeHeader(header: string, payloadText = ""): Envelope {
  const parts = header.split(" ");
  const flagged = parts[0] ?? "";
  const at = Number.parseInt(parts[1] ?? "", 36);
  if (!".+@&".includes(flagged.charAt(0)) || flagged.length < 2 || !Number.isSafeInteger(at)) {
    throw new HoldfastError("invalid_argument", "this is not a task: its header cannot be read");
  }
  const envelope = plainEnvelope(flagged.slice(1), at, payloadText);
  for (let i = 2; i < parts.length; i++) decodeOption(envelope, parts[i] as string);
  const options = header.slice(flagged.length + 1 + (parts[1] ?? "").length);
  if (
    options.length > 0 &&
    options.length <= KNOWN_CHARACTERS &&
    envelope.tags === NO_TAGS &&
    envelope.traceparent === null &&
    envelope.tracestate === null
  ) {
    knownText = options;
    known = envelope;
  }
  return envelope;
}

export function decodeEnvelope(text: string): Envelope {
  const newline = text.indexOf("\n");
  if (newline < 0) throw new HoldfastError("invalid_argument", "this is not a task: it has no payload");
  const payloadText = text.slice(newline + 1);
  // The hot path: an envelope with only type and time.
  if (text.charCodeAt(0) === 46) {
    const space = text.indexOf(" ");
    const enqueuedAt = Number.parseInt(text.slice(space + 1, newline), 36);
    if (space > 1 && space < newline && Number.isSafeInteger(enqueuedAt)) {
      return plainEnvelope(text.slice(1, space), enqueuedAt, payloadText);
    }
  }
  const header = text.slice(0, newline);
  const flag = text.charCodeAt(0);
  // 43 is "+", 64 is "@" and 38 is "&".
  const asBefore =
    flag === 43 || flag === 64 || flag === 38 ? decodeAsBefore(header, payloadText) : undefined;
  return asBefore ?? decodeHeader(header, payloadText);
}

/**
 * Decodes an envelope for display. A text that cannot be decoded is shown as the payload, with the type `unreadable`.
 */
export function decodeEnvelopeForDisplay(text: string): Envelope {
  try {
    return decodeEnvelope(text);
  } catch {
    return plainEnvelope(UNREADABLE_TYPE, 0, text);
  }
}

/** The type that is shown for a record that cannot be decoded. */
export const UNREADABLE_TYPE = "unreadable";

/** Returns the trace context from the options or from the envelope of a task. */
export function traceOf(
  of: { traceparent?: string | null | undefined; tracestate?: string | null | undefined } | undefined | null,
): TraceContext | undefined {
  const { traceparent, tracestate } = of ?? {};
  if (!traceparent) return undefined;
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
