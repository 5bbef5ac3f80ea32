/** The position of a span in a trace, as the two texts of W3C Trace Context. */
export interface TraceContext {
  /** `00-<trace id>-<span id>-<flags>`, in lower-case hex. */
  traceparent: string;
  /** Additional data of vendors, at most 512 visible ASCII characters and spaces. */
  tracestate?: string;
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
// A later version of the format may add fields at the end.
const LATER = /^(?!00|ff)[0-9a-f]{2}(-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})(-|$)/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text);
}

export function isTracestate(text: string): boolean {
  return TRACESTATE.test(text);
}

/**
 * Returns the trace context in the headers of a request; undefined if there is none, or if it is invalid, which W3C
 * says to ignore.
 */
export function traceContextOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): TraceContext | undefined {
  const given = headers.traceparent;
  if (typeof given !== "string") return undefined;
  const later = LATER.exec(given);
  const traceparent = later ? `00${later[1]}` : given;
  if (!isTraceparent(traceparent)) return undefined;
  const state = Array.isArray(headers.tracestate) ? headers.tracestate.join(",") : headers.tracestate;
  return state !== undefined && isTracestate(state) ? { traceparent, tracestate: state } : { traceparent };
}

/** Returns the trace context of a task, from its options or its envelope. */
export function traceOf(
  of: { traceparent?: string | null | undefined; tracestate?: string | null | undefined } | undefined | null,
): TraceContext | undefined {
  const { traceparent, tracestate } = of ?? {};
  if (!traceparent) return undefined;
  return tracestate ? { traceparent, tracestate } : { traceparent };
}

export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** Returns whether the spans of this trace are recorded. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}

/** Encodes spaces, because a space would end the option in the first line of an envelope. */
export function encodeTracestate(text: string): string {
  return text.replaceAll("%", "%25").replaceAll(" ", "%20");
}

export function decodeTracestate(text: string): string {
  return text.replaceAll("%20", " ").replaceAll("%25", "%");
}
