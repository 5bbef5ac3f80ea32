/**
 * The leases that a worker holds, in memory that it shares with the heartbeat thread. So a handler that blocks the
 * event loop keeps its lease, and a task that ends within milliseconds needs no message between threads.
 *
 * The version of an entry protects it from being read while it is written. The version is odd during a write, and each
 * claim raises it by two. A task that waits for a free slot is `buffered`. Either the worker begins it or the heartbeat
 * thread hands it back; one compare-and-exchange decides which. So a worker with a blocked event loop does not keep
 * tasks that other workers could run.
 */
const ENTRY_BYTES = 256;
const ID_BYTES = 128;
const FENCE_BYTES = 64;
const ID_AT = 32;
const FENCE_AT = ID_AT + ID_BYTES;
const HEADER_BYTES = 64;

// Int32 fields of an entry.
const VERSION = 0;
const ACTIVE = 1;
const PART = 2;
const ID_LENGTH = 3;
const FENCE_LENGTH = 4;
const TYPE = 5;
// Float64 fields, as offsets of 8 bytes from the start of the entry.
const LEASED_AT = 3;
const BUFFERED_AT = 28;
const CONFIRMED_AT = 29;

// The low bits of ACTIVE are the state, and the higher bits are the version. So an exchange cannot change a later claim
// of the same entry.
const FREE = 0;
const RUNNING = 1;
const BUFFERED = 2;
const HANDED_BACK = 3;
const STATE_BITS = 3;

/** Int32 fields of the header. */
const BUSY = 0;
const STATE = 1;
const BUFFERED_COUNT = 2;
/** The number of entries that were ever claimed. Readers, which read often, look only at these. */
const USED = 3;
/** How many tasks the worker may run at the same time. */
const SLOTS = 4;

export const TABLE_STATES = ["running", "draining", "stopped", "paused"] as const;

export interface LeaseEntry {
  index: number;
  version: number;
  /** Index of the part of a queue in which the task is. */
  part: number;
  id: string;
  fence: string;
  leasedAtMs: number;
  /**
   * When the lease was last known to be valid: at its grant, or at the last heartbeat. The table has this time so that
   * a thread that replaces the heartbeat thread knows it.
   */
  confirmedAtMs: number;
  /** Index among the types of the worker's handlers; -1 if the type is none of them, or the task has not begun. */
  type: number;
}

function stamp(version: number, state: number): number {
  return (version << 2) | state;
}

/** Returns the time of the monotonic clock that all threads of the process share, ms. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export class LeaseTable {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Buffer;
  /** The indexes of entries that were used and are free again. */
  readonly #free: number[] = [];
  readonly #lastFence: { text: string; length: number; words: Int32Array; bytes: Buffer };
  /** How many entries can be claimed here: all for the owner of the table, none for the heartbeat thread. */
  readonly #claimable: number;
  #used = 0;

  constructor(source: number | SharedArrayBuffer) {
    const fresh = typeof source === "number";
    this.buffer = fresh ? new SharedArrayBuffer(HEADER_BYTES + source * ENTRY_BYTES) : source;
    this.capacity = (this.buffer.byteLength - HEADER_BYTES) / ENTRY_BYTES;
    this.#claimable = fresh ? this.capacity : 0;
    this.#ints = new Int32Array(this.buffer);
    this.#floats = new Float64Array(this.buffer);
    this.#bytes = Buffer.from(this.buffer);
    const words = new Int32Array(FENCE_BYTES / 4);
    this.#lastFence = { text: "", length: 0, words, bytes: Buffer.from(words.buffer) };
  }

  get free(): number {
    return this.#free.length + this.#claimable - this.#used;
  }

  get busy(): number {
    return Atomics.load(this.#ints, BUSY);
  }

  set busy(count: number) {
    Atomics.store(this.#ints, BUSY, count);
  }

  get state(): (typeof TABLE_STATES)[number] {
    return TABLE_STATES[Atomics.load(this.#ints, STATE)] ?? "running";
  }

  set state(state: (typeof TABLE_STATES)[number]) {
    Atomics.store(this.#ints, STATE, TABLE_STATES.indexOf(state));
  }

  get slots(): number {
    return Atomics.load(this.#ints, SLOTS);
  }

  set slots(count: number) {
    Atomics.store(this.#ints, SLOTS, count);
  }

  /** The number of tasks that wait for a free slot. */
  get buffered(): number {
    return Atomics.load(this.#ints, BUFFERED_COUNT);
  }

  /**
   * @param bufferedAtMs when the task was acquired ahead of a slot, monotonic; 0 for a task that begins at once
   * @returns the index of the entry; its version is `versionOf(index)`
   */
  claim(part: number, id: string, fence: string, leasedAtMs: number, bufferedAtMs = 0): number {
    let index = this.#free.pop();
    if (index === undefined) {
      if (this.#used === this.#claimable) throw new RangeError("the lease table is full");
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

  /** Writes an id in a loop, which is faster than a built-in function for short ASCII texts. */
  #writeId(id: string, at: number): number {
    const bytes = this.#bytes;
    const length = Math.min(id.length, ID_BYTES);
    for (let i = 0; i < length; i++) bytes[at + i] = id.charCodeAt(i);
    return length;
  }

  /**
   * Writes a fence. Tasks that were granted together share the fence, so it is encoded once for all of them and copied
   * in words.
   */
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
   * Begins a buffered task.
   * @param type the index of its type among the types of the worker, for the list of running tasks
   * @returns false if the task was handed back meanwhile
   */
  begin(index: number, type = -1): boolean {
    this.#ints[(HEADER_BYTES + index * ENTRY_BYTES) / 4 + TYPE] = type;
    return this.#leaveBuffer(index, this.versionOf(index), RUNNING);
  }

  /** Returns whether the heartbeat thread handed the task back. */
  wasHandedBack(index: number): boolean {
    const active = (HEADER_BYTES + index * ENTRY_BYTES) / 4 + ACTIVE;
    return (Atomics.load(this.#ints, active) & STATE_BITS) === HANDED_BACK;
  }

  /**
   * Called by the heartbeat thread when the lease was valid at `atMs`. Does nothing if the entry has another lease now.
   */
  confirm({ index, version }: LeaseEntry, atMs: number): void {
    if (Atomics.load(this.#ints, (HEADER_BYTES + index * ENTRY_BYTES) / 4 + VERSION) === version)
      this.#floats[(HEADER_BYTES + index * ENTRY_BYTES) / 8 + CONFIRMED_AT] = atMs;
  }

  /**
   * Hands back a buffered task for its worker. @returns false if the task has begun, or if the entry has another lease
   * now
   */
  handBack(entry: LeaseEntry): boolean {
    return this.#leaveBuffer(entry.index, entry.version, HANDED_BACK);
  }

  #leaveBuffer(index: number, version: number, to: number): boolean {
    const active = (HEADER_BYTES + index * ENTRY_BYTES) / 4 + ACTIVE;
    const buffered = stamp(version, BUFFERED);
    const left = Atomics.compareExchange(this.#ints, active, buffered, stamp(version, to)) === buffered;
    if (left) Atomics.sub(this.#ints, BUFFERED_COUNT, 1);
    return left;
  }

  release(index: number): void {
    const i = (HEADER_BYTES + index * ENTRY_BYTES) / 4;
    const version = this.versionOf(index);
    // A running task is not buffered, and no other thread changes that.
    if (((this.#ints[i + ACTIVE] as number) & STATE_BITS) !== RUNNING)
      this.#leaveBuffer(index, version, FREE);
    Atomics.store(this.#ints, i + VERSION, version + 1);
    Atomics.store(this.#ints, i + ACTIVE, FREE);
    Atomics.store(this.#ints, i + VERSION, version + 2);
    this.#free.push(index);
  }

  /** Only for the worker, because no other thread changes the version. */
  versionOf(index: number): number {
    return this.#ints[(HEADER_BYTES + index * ENTRY_BYTES) / 4 + VERSION] as number;
  }

  /**
   * Returns the leases that were granted before `leasedBeforeMs`. An entry that is being written is left for the next
   * call.
   */
  read(leasedBeforeMs: number): LeaseEntry[] {
    return this.#entries(
      (state, at) =>
        (state === RUNNING || state === BUFFERED) && this.#float(at, LEASED_AT) <= leasedBeforeMs,
    );
  }

  /** Returns the running tasks, at most `limit` of them. */
  readRunning(limit: number): LeaseEntry[] {
    return this.#entries((state) => state === RUNNING).slice(0, limit);
  }

  /** Returns the tasks that were acquired before `bufferedBeforeMs` and have not begun. */
  readBuffered(bufferedBeforeMs: number): LeaseEntry[] {
    if (this.buffered === 0) return [];
    return this.#entries(
      (state, at) => state === BUFFERED && this.#float(at, BUFFERED_AT) <= bufferedBeforeMs,
    );
  }

  #float(at: number, field: number): number {
    return this.#floats[at / 8 + field] as number;
  }

  #entries(matches: (state: number, at: number) => boolean): LeaseEntry[] {
    const entries: LeaseEntry[] = [];
    const used = Atomics.load(this.#ints, USED);
    for (let index = 0; index < used; index++) {
      const at = HEADER_BYTES + index * ENTRY_BYTES;
      const i = at / 4;
      const version = Atomics.load(this.#ints, i + VERSION);
      if (version % 2 !== 0 || !matches((this.#ints[i + ACTIVE] as number) & STATE_BITS, at)) continue;
      const idEnd = at + ID_AT + (this.#ints[i + ID_LENGTH] as number);
      const fenceEnd = at + FENCE_AT + (this.#ints[i + FENCE_LENGTH] as number);
      const entry = {
        index,
        version,
        part: this.#ints[i + PART] as number,
        id: this.#bytes.toString("latin1", at + ID_AT, idEnd),
        fence: this.#bytes.toString("latin1", at + FENCE_AT, fenceEnd),
        leasedAtMs: this.#float(at, LEASED_AT),
        confirmedAtMs: this.#float(at, CONFIRMED_AT),
        type: this.#ints[i + TYPE] as number,
      };
      if (Atomics.load(this.#ints, i + VERSION) === version) entries.push(entry);
    }
    return entries;
  }
}
