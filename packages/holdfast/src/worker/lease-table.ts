/**
 * The leases of a worker, in memory that it shares with the heartbeat thread (`LeaseReader`). So the thread can renew
 * leases while a handler blocks the event loop, and a task that ends within milliseconds needs no message to the
 * thread. Each entry has a version, which is odd while the entry is written; a reader that sees an odd or changed
 * version skips the entry. A task that waits for a slot is `buffered`. Either the worker begins it or the heartbeat
 * thread hands it back: a compare-and-exchange lets only one of them win.
 */
export const ENTRY_BYTES = 256;
const ID_BYTES = 128;
const FENCE_BYTES = 64;
export const ID_AT = 32;
export const FENCE_AT = ID_AT + ID_BYTES;
export const HEADER_BYTES = 64;

// Offsets of the Int32 fields of an entry, in units of 4 bytes.
export const VERSION = 0;
export const ACTIVE = 1;
export const PART = 2;
export const ID_LENGTH = 3;
export const FENCE_LENGTH = 4;
export const TYPE = 5;
// Offsets of the Float64 fields of an entry, in units of 8 bytes.
export const LEASED_AT = 3;
export const BUFFERED_AT = 28;
export const CONFIRMED_AT = 29;

// The states, in the low two bits of ACTIVE. The other bits are the version, which a compare-and-exchange checks too.
const FREE = 0;
export const RUNNING = 1;
export const BUFFERED = 2;
export const HANDED_BACK = 3;
export const STATE_BITS = 3;

/** Offsets of the Int32 fields of the header. */
export const BUSY = 0;
export const STATE = 1;
export const BUFFERED_COUNT = 2;
/** How many entries were ever claimed. Readers skip the rest of the table. */
export const USED = 3;
export const SLOTS = 4;

export const TABLE_STATES = ["running", "draining", "stopped", "paused"] as const;

function stamp(version: number, state: number): number {
  return (version << 2) | state;
}

/**
 * Changes a buffered entry to the state `to`. Only one thread can succeed. @returns false if the task is not buffered
 * any more, or if the entry has been reused for another lease
 */
export function leaveBuffer(ints: Int32Array, index: number, version: number, to: number): boolean {
  const active = (HEADER_BYTES + index * ENTRY_BYTES) / 4 + ACTIVE;
  const buffered = stamp(version, BUFFERED);
  const left = Atomics.compareExchange(ints, active, buffered, stamp(version, to)) === buffered;
  if (left) Atomics.sub(ints, BUFFERED_COUNT, 1);
  return left;
}

/** Returns the monotonic time in ms. All threads of the process share this clock. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** The writing side of the lease table. Only the main thread uses it. */
export class LeaseTable {
  readonly buffer: SharedArrayBuffer;
  readonly #capacity: number;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Buffer;
  readonly #free: number[] = [];
  readonly #lastFence: { text: string; length: number; words: Int32Array; bytes: Buffer };
  #used = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.buffer = new SharedArrayBuffer(HEADER_BYTES + capacity * ENTRY_BYTES);
    this.#ints = new Int32Array(this.buffer);
    this.#floats = new Float64Array(this.buffer);
    this.#bytes = Buffer.from(this.buffer);
    const words = new Int32Array(FENCE_BYTES / 4);
    this.#lastFence = { text: "", length: 0, words, bytes: Buffer.from(words.buffer) };
  }

  get free(): number {
    return this.#free.length + this.#capacity - this.#used;
  }

  set busy(count: number) {
    Atomics.store(this.#ints, BUSY, count);
  }

  set state(state: (typeof TABLE_STATES)[number]) {
    Atomics.store(this.#ints, STATE, TABLE_STATES.indexOf(state));
  }

  set slots(count: number) {
    Atomics.store(this.#ints, SLOTS, count);
  }

  /**
   * Writes a lease into a free entry.
   * @param bufferedAtMs monotonic time at which a task without a free slot was acquired; 0 for a task that begins at
   * once
   * @returns the index of the entry; its version is `versionOf(index)`
   */
  claim(part: number, id: string, fence: string, leasedAtMs: number, bufferedAtMs = 0): number {
    let index = this.#free.pop();
    if (index === undefined) {
      if (this.#used === this.#capacity) throw new RangeError("the lease table is full");
      index = this.#used++;
      Atomics.store(this.#ints, USED, this.#used);
    }
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    const i = at / 4;
    Atomics.add(this.#ints, i + VERSION, 1);
    this.#ints[i + PART] = part;
    this.#ints[i + TYPE] = -1;
    this.#ints[i + ID_LENGTH] = this.#writeId(id, at + ID_AT);
    this.#ints[i + FENCE_LENGTH] = this.#writeFence(fence, at + FENCE_AT);
    this.#floats[at / 8 + LEASED_AT] = leasedAtMs;
    this.#floats[at / 8 + CONFIRMED_AT] = leasedAtMs;
    this.#floats[at / 8 + BUFFERED_AT] = bufferedAtMs;
    if (bufferedAtMs > 0) Atomics.add(this.#ints, BUFFERED_COUNT, 1);
    const version = (this.#ints[i + VERSION] as number) + 1;
    Atomics.store(this.#ints, i + ACTIVE, stamp(version, bufferedAtMs > 0 ? BUFFERED : RUNNING));
    Atomics.store(this.#ints, i + VERSION, version);
    return index;
  }

  /** A loop is faster than `buffer.write` for short ASCII texts (hot path). */
  #writeId(id: string, at: number): number {
    const bytes = this.#bytes;
    const length = Math.min(id.length, ID_BYTES);
    for (let i = 0; i < length; i++) bytes[at + i] = id.charCodeAt(i);
    return length;
  }

  /** Tasks of one grant have the same fence, so it is encoded once and then copied in words (hot path). */
  #writeFence(fence: string, at: number): number {
    const last = this.#lastFence;
    if (last.text !== fence) {
      last.text = fence;
      last.length = last.bytes.write(fence, "latin1");
    }
    const ints = this.#ints;
    for (let i = 0; 4 * i < last.length; i++) ints[at / 4 + i] = last.words[i] as number;
    return last.length;
  }

  /**
   * Marks a buffered task as running.
   * @param type the index of its handler among the sorted rules, for the list of running tasks
   * @returns false if the heartbeat thread has handed the task back
   */
  begin(index: number, type = -1): boolean {
    this.#ints[(HEADER_BYTES + index * ENTRY_BYTES) / 4 + TYPE] = type;
    return leaveBuffer(this.#ints, index, this.versionOf(index), RUNNING);
  }

  wasHandedBack(index: number): boolean {
    const active = (HEADER_BYTES + index * ENTRY_BYTES) / 4 + ACTIVE;
    return (Atomics.load(this.#ints, active) & STATE_BITS) === HANDED_BACK;
  }

  release(index: number): void {
    const i = (HEADER_BYTES + index * ENTRY_BYTES) / 4;
    const version = this.versionOf(index);
    // If the task runs, only this thread changes its entry, so the atomic operation is not needed.
    if (((this.#ints[i + ACTIVE] as number) & STATE_BITS) !== RUNNING)
      leaveBuffer(this.#ints, index, version, FREE);
    Atomics.store(this.#ints, i + VERSION, version + 1);
    Atomics.store(this.#ints, i + ACTIVE, FREE);
    Atomics.store(this.#ints, i + VERSION, version + 2);
    this.#free.push(index);
  }

  /** Only the main thread calls this and changes versions. */
  versionOf(index: number): number {
    return this.#ints[(HEADER_BYTES + index * ENTRY_BYTES) / 4 + VERSION] as number;
  }
}
