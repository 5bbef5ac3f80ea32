import { Command } from "./ioredis.ts";

// Node takes buffers up to this length from its own pool.
const SHORT = Buffer.poolSize / 2;

// The texts "$<length>" for short arguments. Most arguments are short.
const LENGTHS = Array.from({ length: 1_024 }, (_, length) => `$${length}`);

/** The bytes for Redis. Short ASCII calls are text, which the socket writes without another copy. */
export type EncodedCall = string | Buffer;

/**
 * Encodes a script call as the bytes that Redis reads. One join makes all arguments. A concatenation per argument would
 * take a third of the time of an enqueue (bench/notes.md).
 *
 * @param code the first argument of EVALSHA or EVAL
 */
export function encodeCall(
  name: "EVALSHA" | "EVAL",
  code: string,
  keyCount: number,
  argv: readonly (string | number)[],
  pool?: BytesPool,
): EncodedCall {
  const lines = new Array<string>(2 * argv.length + 8);
  lines[0] = `*${argv.length + 3}`;
  lines[1] = `$${name.length}`;
  lines[2] = name;
  lines[3] = `$${code.length}`;
  lines[4] = code;
  const keys = String(keyCount);
  lines[5] = `$${keys.length}`;
  lines[6] = keys;
  const at = writeArguments(lines, 7, argv);
  lines[at] = "";
  const text = lines.join("\r\n");
  if (Buffer.byteLength(text) === text.length) {
    if (text.length < SHORT) return text;
    const bytes = pool?.take(text.length) ?? Buffer.allocUnsafe(text.length);
    bytes.write(text, "latin1");
    return bytes;
  }
  // Some characters have more than one byte, so the lengths have to be counted in bytes.
  for (let i = 3; i + 1 < at; i += 2) lines[i] = `$${Buffer.byteLength(lines[i + 1] as string)}`;
  return Buffer.from(lines.join("\r\n"));
}

/**
 * The loop is a function of its own, because V8 would otherwise also compile the code around it, which runs only once
 * per call.
 */
function writeArguments(lines: string[], from: number, argv: readonly (string | number)[]): number {
  let at = from;
  for (let i = 0; i < argv.length; i++) {
    const value = argv[i] as string | number;
    const text = typeof value === "string" ? value : String(value);
    const { length } = text;
    lines[at] = length < 1_024 ? (LENGTHS[length] as string) : `$${length}`;
    lines[at + 1] = text;
    at += 2;
  }
  return at;
}

/** Returns the beginning of a call whose last `more` arguments are encoded already. */
export function headOfCall(
  name: "EVALSHA" | "EVAL",
  code: string,
  keyCount: number,
  argv: readonly (string | number)[],
  more: number,
): string {
  let text = `*${argv.length + 3 + more}\r\n$${name.length}\r\n${name}\r\n`;
  for (const value of [code, keyCount, ...argv]) {
    const argument = String(value);
    text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
  }
  return text;
}

// The size of a pooled buffer. Without a pool, a call with many small tasks would spend as much time on allocating its
// memory as on filling it.
const POOLED_BYTES = 131_072;
const POOLED_BUFFERS = 8;
// If the pool is used up, the buffer for a growing call is this many times as large as the first part of the call.
const WHOLE_FACTOR = 8;

/**
 * Reuses memory for calls. A call gives its memory back when Redis has replied, because Redis has read all of it
 * by then. Without a reply the memory is never given back, because its bytes may still be sent later.
 */
export class BytesPool {
  readonly #free: Buffer[] = [];
  /** The number of buffers from `takeWhole` that were not given back yet. */
  #lent = 0;

  /** Returns a buffer of exactly this length; undefined for a length that is too short or too long for the pool. */
  take(length: number): Buffer | undefined {
    if (length < SHORT || length > POOLED_BYTES) return undefined;
    const whole = this.#free.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
    return whole.subarray(0, length);
  }

  /** Returns a buffer of at least this size, for a call that is written while its final length is unknown. */
  takeWhole(least: number): Buffer {
    this.#lent++;
    if (least > POOLED_BYTES) return Buffer.allocUnsafeSlow(least);
    const whole = this.#free.pop();
    if (whole !== undefined) return whole;
    // If more calls than this are in flight, for example because there are many queues, most of them are small. Buffers
    // of the full size for all of them would take too much memory.
    const bytes = this.#lent > POOLED_BUFFERS ? Math.min(POOLED_BYTES, WHOLE_FACTOR * least) : POOLED_BYTES;
    return Buffer.allocUnsafeSlow(bytes);
  }

  /** @param isRead whether Redis has read the whole buffer */
  giveWhole(whole: Buffer, isRead: boolean): void {
    this.#lent--;
    if (isRead) this.give(whole);
  }

  give(bytes: EncodedCall): void {
    if (typeof bytes === "string") return;
    const { buffer, byteOffset } = bytes;
    if (buffer.byteLength !== POOLED_BYTES || byteOffset !== 0 || this.#free.length >= POOLED_BUFFERS) return;
    this.#free.push(Buffer.from(buffer, 0, POOLED_BYTES));
  }
}

/** An encoded call as a command of the client. It has the first key, by which a Cluster finds the node. */
export class ScriptCommand extends Command {
  readonly #bytes: EncodedCall;

  constructor(name: "EVALSHA" | "EVAL", bytes: EncodedCall, key: string | number | undefined) {
    // The client attaches the arguments to its errors, so payloads must not be among the arguments.
    super(name, key === undefined ? ["", "0"] : ["", "1", key], { replyEncoding: "utf8" });
    this.#bytes = bytes;
  }

  override toWritable(): EncodedCall {
    return this.#bytes;
  }
}
