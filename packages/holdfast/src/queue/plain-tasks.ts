import { HoldfastError, isTaskType, LIMITS } from "@holdfast/contracts";
import { encodeEnvelope } from "../engine/envelope.ts";
import type { NewTask } from "../engine/task-options.ts";
import { shown } from "../options/shape.ts";
import { type ViewedBytes, viewOf } from "../redis/tail-bytes.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import type { EnqueueResult } from "./enqueue-call.ts";

/** Tasks that have nothing but a type and a payload, in columns. */
export interface PlainTasks {
  /** Holds the payloads, each one JSON text in UTF-8. */
  bytes: Buffer;
  /** The type of each task. */
  types: string[];
  /** The place of each payload in the bytes, in their order: start, end, start, end, … */
  spans: number[];
}

/** The ids, where every task was accepted as new and waits in memory; else a result per task. */
export type PlainResult = { ids: string[] } | { ids: null; results: EnqueueResult[] };

/** @throws HoldfastError invalid_argument: its columns are not what `PlainTasks` says */
export function checkPlain(tasks: PlainTasks): void {
  const { bytes, types, spans } = (tasks ?? {}) as Partial<PlainTasks>;
  const refuse = (name: string, wants: string, value: unknown) => {
    throw new HoldfastError(
      "invalid_argument",
      `${name} of plain tasks has to be ${wants}, got ${shown(value)}`,
    );
  };
  if (!Buffer.isBuffer(bytes)) refuse("bytes", "a Buffer with the payloads", bytes);
  if (!Array.isArray(types)) refuse("types", "an array with the type of each task", types);
  else if (!Array.isArray(spans) || spans.length !== 2 * types.length)
    refuse("spans", `an array of ${2 * types.length} numbers, start and end of each payload`, spans);
}

/** The part of the envelope before the payload, by type. Undefined if a task is refused: its error is then made for it alone. */
export function headersOf(
  { bytes, types, spans }: PlainTasks,
  now: number,
  trace: TraceContext | undefined,
): Map<string, ViewedBytes> | undefined {
  const headers = new Map<string, ViewedBytes>();
  let last: string | undefined;
  let before = 0;
  for (let place = 0; place < types.length; place++) {
    const start = spans[2 * place] as number;
    const end = spans[2 * place + 1] as number;
    // Negated, so that a span that is missing is refused too.
    if (!(start >= before && end >= start && end <= bytes.length)) {
      throw new HoldfastError(
        "invalid_argument",
        "the spans of the payloads have to be in order, in the bytes",
      );
    }
    before = end;
    if (end - start > LIMITS.payloadBytes) return undefined;
    const type = types[place] as string;
    // Only for valid types: at first there is no last one.
    if (type === last && last !== undefined) continue;
    if (!isTaskType(type)) return undefined;
    last = type;
    if (headers.has(type)) continue;
    const header = Buffer.from(encodeEnvelope(type, now, "", undefined, undefined, trace));
    headers.set(type, { bytes: header, view: viewOf(header) });
  }
  return headers;
}

/** The same for `enqueueMany`. */
export function toTasks({ bytes, types, spans }: PlainTasks): NewTask[] {
  return types.map((type, place) => {
    return { type, payloadText: bytes.toString("utf8", spans[2 * place], spans[2 * place + 1]) };
  });
}
