import {
  type Backoff,
  type Given,
  HoldfastError,
  type Keep,
  type Priority,
  type TaskOptions,
  type TaskSchedule,
} from "@holdfast/contracts";
import {
  decodeTracestate,
  encodeTracestate,
  isTraceparent,
  type TraceContext,
} from "../tracing/trace-context.ts";
import { decodeWord, encodeWord } from "./text.ts";
import { decodeUnique, encodeUnique, type UniqueTerms } from "./unique.ts";

/** The options of a task as they are stored in its envelope. */
export interface EnvelopeOptions {
  priority: Priority;
  maxRetries: number | null;
  timeoutMs: number | null;
  backoff: Given<Backoff> | null;
  expiresAt: number | null;
  delayMs: number | null;
  runAt: number | null;
  tags: string[];
  key: string | null;
  cost: number;
  unique: UniqueTerms | null;
  schedule: TaskSchedule | null;
  fingerprint: string | null;
  /** If false, the payload is removed when the task completes. */
  keepPayload: boolean;
  keep: Given<Keep> | null;
  traceparent: string | null;
  tracestate: string | null;
  /** The id of the task that enqueued this one with `ctx.call`. */
  caller: string | null;
}

export function encodeBackoff(b: Backoff): string {
  return `${b.kind === "fixed" ? "f" : "e"},${b.baseMs ?? ""},${b.maxMs ?? ""},${b.jitter === "none" ? "n" : "f"}`;
}

export function decodeBackoff(text: string): Given<Backoff> {
  const [kind, baseMs, maxMs, jitter] = text.split(",");
  return {
    kind: kind === "f" ? "fixed" : "exponential",
    ...(baseMs ? { baseMs: Number(baseMs) } : {}),
    ...(maxMs ? { maxMs: Number(maxMs) } : {}),
    jitter: jitter === "n" ? "none" : "full",
  };
}

const encodeKeep = ({ completedMs, deadMs, count }: Keep): string =>
  `${completedMs ?? ""},${deadMs ?? ""},${count ?? ""}`;

function decodeKeep(text: string): Given<Keep> {
  const [completedMs, deadMs, count] = text.split(",");
  return {
    ...(completedMs ? { completedMs: Number(completedMs) } : {}),
    ...(deadMs ? { deadMs: Number(deadMs) } : {}),
    ...(count ? { count: Number(count) } : {}),
  };
}

/** Returns the options as the first line of an envelope has them: ` name=value` each, such as ` p=h m=5`. */
export function encodeOptions(
  options: TaskOptions | undefined,
  fingerprint: string | undefined,
  trace: TraceContext | undefined,
  schedule: TaskSchedule | null | undefined,
): string {
  let fields = "";
  if (options?.priority === "high") fields += " p=h";
  else if (options?.priority === "low") fields += " p=l";
  if (options?.maxRetries !== undefined) fields += ` m=${options.maxRetries}`;
  if (options?.timeoutMs !== undefined) fields += ` t=${options.timeoutMs}`;
  if (options?.expiresAt !== undefined) fields += ` e=${options.expiresAt}`;
  if (options?.backoff !== undefined) fields += ` b=${encodeBackoff(options.backoff)}`;
  if (options?.tags?.length) fields += ` g=${options.tags.map(encodeWord).join(",")}`;
  if (options?.key !== undefined) fields += ` q=${encodeWord(options.key)}`;
  if (options?.cost !== undefined && options.cost !== 1) fields += ` c=${options.cost}`;
  if (options?.unique !== undefined) fields += ` u=${encodeUnique(options.unique)}`;
  if (options?.keepPayload === false) fields += " k=0";
  if (options?.keep !== undefined) fields += ` l=${encodeKeep(options.keep)}`;
  if (schedule) fields += ` s=${schedule.run ?? ""},${schedule.dueAt},${schedule.id}`;
  if (fingerprint !== undefined) fields += ` h=${fingerprint}`;
  if (trace !== undefined) {
    fields += ` w=${trace.traceparent}`;
    if (trace.tracestate !== undefined) fields += ` v=${encodeTracestate(trace.tracestate)}`;
  }
  if (options?.delayMs !== undefined) fields += ` d=${options.delayMs}`;
  else if (options?.runAt !== undefined) fields += ` r=${options.runAt}`;
  return fields;
}

function decodeOwn(text: string): string {
  try {
    return decodeWord(text);
  } catch (error) {
    throw new HoldfastError("invalid_argument", "a tag or key cannot be decoded", { cause: error });
  }
}

// The options whose values are numbers, by their letter in the envelope.
const NUMBERS = {
  m: "maxRetries",
  t: "timeoutMs",
  e: "expiresAt",
  d: "delayMs",
  r: "runAt",
  c: "cost",
} as const;

// A cache, as most tasks of a batch have the same options (hot path). Texts with tags or a trace are not kept.
let knownText = "";
let known: EnvelopeOptions | undefined;
const KNOWN_CHARACTERS = 64;

/**
 * Decodes the options of an envelope, ` name=value` each. @param envelope has the defaults, and gets the options
 * @throws HoldfastError invalid_argument
 */
export function decodeOptions(envelope: EnvelopeOptions, text: string): void {
  if (known !== undefined && text === knownText) {
    copyOptions(known, envelope);
    return;
  }
  for (const part of text.slice(1).split(" ")) decodeOption(envelope, part);
  const { tags, traceparent, tracestate } = envelope;
  if (text.length > KNOWN_CHARACTERS || tags.length > 0 || traceparent !== null || tracestate !== null)
    return;
  knownText = text;
  known = envelope;
}

/** Copies the cached options. A spread would be several times slower (hot path). */
function copyOptions(from: EnvelopeOptions, to: EnvelopeOptions): void {
  to.priority = from.priority;
  to.maxRetries = from.maxRetries;
  to.timeoutMs = from.timeoutMs;
  to.backoff = from.backoff;
  to.expiresAt = from.expiresAt;
  to.delayMs = from.delayMs;
  to.runAt = from.runAt;
  to.key = from.key;
  to.cost = from.cost;
  to.unique = from.unique;
  to.schedule = from.schedule;
  to.fingerprint = from.fingerprint;
  to.keepPayload = from.keepPayload;
  to.keep = from.keep;
  to.caller = from.caller;
}

/** Decodes one option, `name=value`. */
function decodeOption(envelope: EnvelopeOptions, part: string): void {
  const name = part.charAt(0);
  const text = part.slice(2);
  if (name === "p") envelope.priority = text === "h" ? "high" : text === "l" ? "low" : "normal";
  else if (name === "b") envelope.backoff = decodeBackoff(text);
  else if (name === "g") envelope.tags = text.split(",").map(decodeOwn);
  else if (name === "q") envelope.key = decodeOwn(text);
  else if (name === "u") envelope.unique = decodeUnique(text);
  else if (name === "s") envelope.schedule = decodeSchedule(text);
  else if (name === "h") envelope.fingerprint = text;
  else if (name === "k") envelope.keepPayload = text !== "0";
  else if (name === "l") envelope.keep = decodeKeep(text);
  else if (name === "w") envelope.traceparent = isTraceparent(text) ? text : null;
  else if (name === "a") envelope.caller = text;
  else if (name === "v") envelope.tracestate = decodeTracestate(text);
  else if (Object.hasOwn(NUMBERS, name))
    envelope[NUMBERS[name as keyof typeof NUMBERS]] = numberOption(name, text);
}

function decodeSchedule(text: string): TaskSchedule | null {
  const [, run, dueAt, id] = /^(\d*),(\d+),(\S+)$/.exec(text) ?? [];
  return id === undefined ? null : { id, run: run === "" ? null : Number(run), dueAt: Number(dueAt) };
}

function numberOption(name: string, text: string): number {
  const value = Number(text);
  if (Number.isNaN(value))
    throw new HoldfastError("invalid_argument", `this is not a task: its option ${name} is not a number`);
  return value;
}
