import type { BytesPool } from "./bytes-pool.ts";
import { Command } from "./ioredis.ts";

// Up to this length, Node takes buffers from its own pool.
const SHORT = Buffer.poolSize / 2;

// The texts "$<length>" for short arguments, prepared because most arguments are short (hot path).
const LENGTHS = Array.from({ length: 1_024 }, (_, length) => `$${length}`);

/** A call as it is sent to Redis. Short ASCII calls are a text, which the socket sends without another copy. */
export type EncodedCall = string | Buffer;

/**
 * Encodes a script call as Redis reads it. One `join` for all arguments, because joining them one by one would take a
 * third of the time of an enqueue (bench/notes.md).
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
  // Some characters have more than one byte, so the lengths are counted in bytes.
  for (let i = 3; i + 1 < at; i += 2) lines[i] = `$${Buffer.byteLength(lines[i + 1] as string)}`;
  return Buffer.from(lines.join("\r\n"));
}

/**
 * The loop is in a separate function, because V8 would otherwise also compile the code around it, which runs only once.
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

/** An encoded call as a command for the client. It has the first key, from which a Cluster client finds the node. */
export class ScriptCommand extends Command {
  readonly #bytes: EncodedCall;

  constructor(name: "EVALSHA" | "EVAL", bytes: EncodedCall, key: string | number | undefined) {
    // The arguments are left out, because the client adds them to its errors, and they contain payloads.
    super(name, key === undefined ? ["", "0"] : ["", "1", key], { replyEncoding: "utf8" });
    this.#bytes = bytes;
  }

  override toWritable(): EncodedCall {
    return this.#bytes;
  }
}
