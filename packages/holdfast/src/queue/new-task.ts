import { HoldfastError, LIMITS, type TaskOptions } from "@holdfast/contracts";
import { type Band, bandOf, encodeEnvelope } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkTaskType } from "../engine/names.ts";
import { shown } from "../options/shape.ts";
import type { TraceContext } from "../tracing/trace-context.ts";

/** A task that is ready to be sent to the script `enqueue`. */
export interface PreparedTask {
  id: string;
  /**
   * Where the id comes from. "minted": the library made it. "given": a caller gave it, so the script has to look for a
   * task with this id. "once": the same, and the id stays in use after the task has failed (`ifEnded: "duplicate"`).
   */
  idIs: "minted" | "given" | "once";
  band: Band;
  envelope: string;
  /** Whether the task has a unique key. @default false */
  isUnique?: boolean;
}

/** Returns a payload as JSON text. @throws HoldfastError invalid_argument if the payload has no JSON form */
export function payloadTextOf(payload: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (error) {
    throw new HoldfastError(
      "invalid_argument",
      `the payload has no JSON form: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
  if (text === undefined)
    throw new HoldfastError(
      "invalid_argument",
      "the payload has no JSON form: it is undefined, a function or a symbol",
    );
  return text;
}

/**
 * Checks a payload text from a caller. The output of `JSON.stringify` needs no check.
 * @throws HoldfastError invalid_argument
 */
export function checkWellFormed(payloadText: string): void {
  if (typeof payloadText !== "string")
    throw new HoldfastError("invalid_argument", `payloadText has to be JSON text, got ${shown(payloadText)}`);
  if (payloadText.isWellFormed()) return;
  throw new HoldfastError("invalid_argument", "the payload text has a lone surrogate: write it as an escape");
}

/** Checks the size of a payload. @throws HoldfastError payload_too_large */
export function checkPayloadBytes(payloadText: string): void {
  // A UTF-16 unit has at most three bytes in UTF-8, so short texts need no exact count.
  const { payloadBytes } = LIMITS;
  if (payloadText.length * 3 > payloadBytes && Buffer.byteLength(payloadText) > payloadBytes)
    throw new HoldfastError(
      "payload_too_large",
      `the payload has more than ${payloadBytes} bytes: store it elsewhere and enqueue a reference`,
    );
}

/** Checks the tasks of a queue or partition, gives them ids and writes their envelopes. */
export class NewTasks {
  readonly mintId: () => string;
  // The last header. Most tasks have the same type and time as the task before, so it is used again (hot path). The
  // first value has to be a valid type, because a type that equals it is not checked.
  #headerType = "t";
  #headerAt = 0;
  #header = "";

  constructor(mintId: () => string) {
    this.mintId = mintId;
  }

  /**
   * Makes a task ready to be sent.
   * @param fingerprint for a task with an id from the caller: two enqueues with the same id and fingerprint are the
   * same task @default a hash of type, options and payload
   * @throws HoldfastError invalid_task_type, payload_too_large
   */
  prepare(
    type: string,
    payloadText: string,
    options: TaskOptions | undefined,
    fingerprint: string | undefined,
    now: number,
    trace: TraceContext | undefined,
  ): PreparedTask {
    if (type !== this.#headerType) checkTaskType(type);
    checkPayloadBytes(payloadText);
    if (options === undefined && trace === undefined) {
      if (now !== this.#headerAt || type !== this.#headerType) {
        this.#headerAt = now;
        this.#headerType = type;
        this.#header = encodeEnvelope(type, now, "");
      }
      return { id: this.mintId(), idIs: "minted", band: "normal", envelope: this.#header + payloadText };
    }
    const band = bandOf(options);
    const isUnique = options?.unique !== undefined;
    if (options?.id === undefined) {
      const envelope = encodeEnvelope(type, now, payloadText, options, undefined, trace);
      return { id: this.mintId(), idIs: "minted", band, isUnique, envelope };
    }
    const { id, ifEnded } = options;
    const print = fingerprint ?? fingerprintOf(type, payloadText, options);
    const envelope = encodeEnvelope(type, now, payloadText, options, print, trace);
    return { id, idIs: ifEnded === "duplicate" ? "once" : "given", band, isUnique, envelope };
  }
}
