import type { BytesPool } from "./bytes-pool.ts";

// Room for the head of a call: the SHA-1 of the script, its keys and numbers, about 600 bytes.
const HEAD_BYTES = 2_048;
/** The bytes of one task besides id, header and payload: `$14\r\n`, `\r\n$262144\r\n`, `\r\n`, and some reserve. */
const FRAME_BYTES = 32;
// Up to about this many bytes, a loop is faster than a built-in copy.
const LOOP_BYTES = 1_024;
const DOLLAR = 36;
const ZERO = 48;

/** The same memory as a Buffer and as a DataView. */
export interface ViewedBytes {
  bytes: Buffer;
  view: DataView;
}

export const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView =>
  new DataView(buffer, byteOffset, length);

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

/**
 * The last arguments of a script call, encoded while tasks are added, so that only the ids have to be kept. Room is
 * left before them for the first arguments, which are known only when the call is sent.
 */
export class TailBytes {
  readonly #whole: Buffer;
  readonly #view: DataView;
  #end = HEAD_BYTES;
  #sent = 0;
  /** How many arguments were added. */
  count = 0;

  constructor(pool: BytesPool, leastBytes: number) {
    this.#whole = pool.takeWhole(HEAD_BYTES + leastBytes);
    this.#view = viewOf(this.#whole);
  }

  /** Returns the most bytes that `add` needs for one task. */
  static boundOf(idBytes: number, headerBytes: number, payloadBytes: number): number {
    return FRAME_BYTES + idBytes + headerBytes + payloadBytes;
  }

  hasRoom(bytes: number): boolean {
    return this.#end + bytes <= this.#whole.length;
  }

  /** Adds a task as two arguments: its id, and its envelope (`header`, then the source from `start` to `end`). */
  add(
    ids: ViewedBytes,
    idAt: number,
    idBytes: number,
    header: ViewedBytes,
    source: ViewedBytes,
    start: number,
    end: number,
  ): void {
    const bytes = this.#whole;
    const view = this.#view;
    const headerBytes = header.bytes.length;
    let at = writeLength(bytes, this.#end, idBytes);
    at = copy(ids, idAt, idAt + idBytes, bytes, view, at);
    at = writeLength(bytes, endLine(bytes, at), headerBytes + end - start);
    at = copy(header, 0, headerBytes, bytes, view, at);
    if (end - start <= LOOP_BYTES) at = copy(source, start, end, bytes, view, at);
    else {
      bytes.set(source.bytes.subarray(start, end), at);
      at += end - start;
    }
    this.#end = endLine(bytes, at);
    this.count += 2;
  }

  /** Returns the whole call, with `head` at its beginning. */
  after(head: string): Buffer {
    this.#sent++;
    const start = HEAD_BYTES - Buffer.byteLength(head);
    if (start < 0) return Buffer.concat([Buffer.from(head), this.#whole.subarray(HEAD_BYTES, this.#end)]);
    this.#whole.write(head, start);
    return this.#whole.subarray(start, this.#end);
  }

  /** Gives the memory back. After a second send it is not used again: an old connection may still be sending it. */
  release(pool: BytesPool, isAnswered: boolean): void {
    pool.giveWhole(this.#whole, isAnswered && this.#sent === 1);
  }
}

/** Copies eight bytes per step. For short texts this is faster than single bytes or a built-in copy (hot path). */
function copy(
  { bytes, view }: ViewedBytes,
  start: number,
  end: number,
  target: Uint8Array,
  targetView: DataView,
  at: number,
): number {
  const shift = at - start;
  let from = start;
  for (; from + 8 <= end; from += 8) {
    targetView.setInt32(from + shift, view.getInt32(from, true), true);
    targetView.setInt32(from + shift + 4, view.getInt32(from + 4, true), true);
  }
  for (; from < end; from++) target[from + shift] = bytes[from] as number;
  return at + end - start;
}

function endLine(bytes: Uint8Array, at: number): number {
  bytes[at] = 13;
  bytes[at + 1] = 10;
  return at + 2;
}

/** Writes `$<length>\r\n`. */
function writeLength(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  bytes[at++] = DOLLAR;
  let unit = 1;
  while (unit * 10 <= length) unit *= 10;
  let rest = length;
  for (; unit >= 1; unit = (unit / 10) | 0) {
    const digit = (rest / unit) | 0;
    bytes[at++] = ZERO + digit;
    rest -= digit * unit;
  }
  return endLine(bytes, at);
}
