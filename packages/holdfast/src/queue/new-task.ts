import { HoldfastError, LIMITS, type TaskOptions } from "@holdfast/contracts";
import { type Band, bandOf, encodeEnvelope } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkTaskType } from "../engine/names.ts";
import { shown } from "../options/shape.ts";
import type { TraceContext } from "../tracing/trace-context.ts";

/** A task as an enqueue sends it. */
export interface PreparedTask {
  id: string;
  /**
   * "minted": the library made the id. "given": a caller gave the id, so it is looked up. "once": a caller gave the id,
   * and the id stays taken after the task has ended (`ifEnded: "duplicate"`).
   */
  idIs: "minted" | "given" | "once";
  band: Band;
  envelope: string;
  /** The task has a unique key. @default false */
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
 * Checks a payload text that a caller gave. Output of `JSON.stringify` is not checked: it is always well-formed, and
 * the check would copy it.
 * @throws HoldfastError invalid_argument
 */
export function checkWellFormed(payloadText: string): void {
  if (typeof payloadText !== "string")
    throw new HoldfastError("invalid_argument", `payloadText has to be JSON text, got ${shown(payloadText)}`);
  if (payloadText.isWellFormed()) return;
  throw new HoldfastError("invalid_argument", "the payload text has a lone surrogate: write it as an escape");
}

/** @throws HoldfastError payload_too_large */
export function checkPayloadBytes(payloadText: string): void {
  // A character has at most three bytes, so most texts need not be measured.
  const { payloadBytes } = LIMITS;
  if (payloadText.length * 3 > payloadBytes && Buffer.byteLength(payloadText) > payloadBytes)
    throw new HoldfastError(
      "payload_too_large",
      `the payload has more than ${payloadBytes} bytes: store it elsewhere and enqueue a reference`,
    );
}

/** Prepares the tasks of one part of a queue: checks them, gives them ids and writes their envelopes. */
export class NewTasks {
  readonly mintId: () => string;
  // Most tasks have the same type and the same millisecond as the task before, so the header is kept. The first value
  // has to be a valid type, because a type that equals the kept one is not checked.
  #headerType = "t";
  #headerAt = 0;
  #header = "";

  constructor(mintId: () => string) {
    this.mintId = mintId;
  }

  /**
   * @param fingerprint for a task with an id: tells whether another task with this id has the same type, options and
   * payload @default a hash of these
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
