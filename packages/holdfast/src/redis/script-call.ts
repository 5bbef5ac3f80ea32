import { Command } from "./ioredis.ts";

// As long as Node's own pool for small buffers would serve it.
const SHORT = Buffer.poolSize / 2;

// "$<length>" of the arguments that are short, as most are.
const LENGTHS = Array.from({ length: 1_024 }, (_, length) => `$${length}`);

/** The bytes for Redis: as text if they are short and ASCII, which the socket writes without a copy on our side. */
export type EncodedCall = string | Buffer;

/**
 * A script call as the bytes that Redis reads, arguments and all: made by one join instead of a concatenation per
 * argument, which is a third of what an enqueue costs (bench/notes.md).
 *
 * @param code what EVALSHA or EVAL takes first
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
  // Some character has more than one byte: the lengths are those of the bytes.
  for (let i = 3; i + 1 < at; i += 2) lines[i] = `$${Buffer.byteLength(lines[i + 1] as string)}`;
  return Buffer.from(lines.join("\r\n"));
}

/**
 * This loop has a function of its own. Otherwise V8 would compile all the code around it with it, although that runs only once
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

/** The beginning of a call whose last `more` arguments are bytes already. */
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

// A call of many small tasks needs so much memory that taking fresh memory costs as much as filling it.
const POOLED_BYTES = 131_072;
const POOLED_BUFFERS = 8;
// The factor by which a call may grow beyond its first size.
const WHOLE_FACTOR = 8;

/**
 * Memory for calls, used again. A call gives it back once Redis has replied, since it has read all of it by then, and
 * never without a reply: bytes that were not sent yet may still be.
 */
export class BytesPool {
  readonly #free: Buffer[] = [];
  /** The number of buffers from `takeWhole` that were not given back yet. */
  #lent = 0;

  /** A buffer of exactly that length; undefined if it is too small or too large to be worth it. */
  take(length: number): Buffer | undefined {
    if (length < SHORT || length > POOLED_BYTES) return undefined;
    const whole = this.#free.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
    return whole.subarray(0, length);
  }

  /** Returns a buffer of at least this size, for a call that is written before its length is known and may still grow. */
  takeWhole(least: number): Buffer {
    this.#lent++;
    if (least > POOLED_BYTES) return Buffer.allocUnsafeSlow(least);
    const whole = this.#free.pop();
    if (whole !== undefined) return whole;
    // If more calls than this are under way, for example of many queues, most of them are small, and full buffers for all would
    // be too much memory.
    const bytes = this.#lent > POOLED_BUFFERS ? Math.min(POOLED_BYTES, WHOLE_FACTOR * least) : POOLED_BYTES;
    return Buffer.allocUnsafeSlow(bytes);
  }

  /** @param isRead Redis has read all of it */
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

/** An encoded call as a command of the client. It knows the key by which a Cluster finds the node. */
export class ScriptCommand extends Command {
  readonly #bytes: EncodedCall;

  constructor(name: "EVALSHA" | "EVAL", bytes: EncodedCall, key: string | number | undefined) {
    // The client attaches the arguments to its errors, so the payloads are not among the arguments.
    super(name, key === undefined ? ["", "0"] : ["", "1", key], { replyEncoding: "utf8" });
    this.#bytes = bytes;
  }

  override toWritable(): EncodedCall {
    return this.#bytes;
  }
}
