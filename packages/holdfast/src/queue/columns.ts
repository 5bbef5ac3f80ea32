import { HoldfastError, isTaskType, LIMITS } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import { encodeEnvelope } from "../engine/envelope.ts";
import type { NewTask } from "../engine/task-options.ts";
import { shown } from "../options/shape.ts";
import { type ViewedBytes, viewOf } from "../redis/tail-bytes.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import type { EnqueueResult } from "./receipt.ts";

/** The results of the tasks of a batch. */
export interface ColumnsResult {
  /** The ids, if every task was accepted as new with durability "memory"; otherwise null. */
  readonly ids: string[] | null;
  /** One result per task. If `ids` is set, the objects are created when `results` is first read. */
  readonly results: EnqueueResult[];
}

/** The result of a batch whose tasks were all accepted as new. */
export class AllAccepted implements ColumnsResult {
  readonly ids: string[];

  constructor(ids: string[]) {
    this.ids = ids;
  }

  get results(): EnqueueResult[] {
    return this.ids.map(asNew);
  }
}

export function asNew(id: string): EnqueueResult {
  return {
    ok: true,
    receipt: { id, state: "pending", duplicate: false, willRun: true, durability: "memory" },
  };
}

function refuse(name: string, wants: string, value: unknown): never {
  throw new HoldfastError(
    "invalid_argument",
    `${name} of tasks in columns has to be ${wants}, got ${shown(value)}`,
  );
}

/** Checks tasks in columns. @throws HoldfastError invalid_argument */
export function checkColumns(tasks: TaskColumns): void {
  const { bytes, types, spans, options } = (tasks ?? {}) as Partial<TaskColumns>;
  if (!Buffer.isBuffer(bytes)) refuse("bytes", "a Buffer with the payloads", bytes);
  if (!Array.isArray(types)) refuse("types", "an array with the type of each task", types);
  if (!Array.isArray(spans) || spans.length !== 2 * types.length)
    refuse("spans", `an array of ${2 * types.length} numbers, start and end of each payload`, spans);
  if (options !== undefined && !(options instanceof Map))
    refuse("options", "a Map from places to options", options);
  let before = 0;
  for (let at = 0; at < spans.length; at += 2) {
    const start = spans[at] as number;
    const end = spans[at + 1] as number;
    // Written as a negation, so that NaN and undefined are refused as well.
    if (!(start >= before && end >= start && end <= bytes.length)) {
      throw new HoldfastError(
        "invalid_argument",
        "the spans of the payloads have to be in ascending order, without overlap, and inside `bytes`",
      );
    }
    before = end;
  }
}

/**
 * Returns, for each type, the envelope up to its payload. Returns undefined if a task has options or an invalid type;
 * then `enqueueMany` handles the tasks one by one.
 */
export function headersOf(
  { types, spans, options }: TaskColumns,
  now: number,
  trace: TraceContext | undefined,
): Map<string, ViewedBytes> | undefined {
  if (options !== undefined && options.size > 0) return undefined;
  const headers = new Map<string, ViewedBytes>();
  let last: string | undefined;
  for (let place = 0; place < types.length; place++) {
    if ((spans[2 * place + 1] as number) - (spans[2 * place] as number) > LIMITS.payloadBytes)
      return undefined;
    const type = types[place] as string;
    // `last` is undefined before the first valid type, so that an invalid first type is not skipped.
    if (type === last && last !== undefined) continue;
    if (!isTaskType(type)) return undefined;
    last = type;
    if (headers.has(type)) continue;
    const header = Buffer.from(encodeEnvelope(type, now, "", undefined, undefined, trace));
    headers.set(type, { bytes: header, view: viewOf(header) });
  }
  return headers;
}

/** Returns the tasks as `enqueueMany` takes them. */
export function toTasks({ bytes, types, spans, options }: TaskColumns): NewTask[] {
  return types.map((type, place) => {
    const payloadText = bytes.toString("utf8", spans[2 * place], spans[2 * place + 1]);
    // The spread is last, because V8 is slow for an object literal that begins with one (hot path).
    return { type, payloadText, ...options?.get(place) };
  });
}
