/**
 * The leases that a worker holds, in memory that the heartbeat thread shares: a handler that blocks the event loop
 * keeps its lease, and a task that ends within milliseconds costs no message between threads.
 *
 * A slot is guarded by its version: odd while it is written, raised by two for each claim. A task that is taken ahead of
 * a free slot waits as `buffered`: either the worker begins it or the heartbeat thread hands it back, by one
 * compare-and-exchange, so that a blocked event loop cannot sit on tasks that others could run.
 */
const SLOT_BYTES = 256;
const ID_BYTES = 128;
const FENCE_BYTES = 64;
const FENCE_AT = 32 + ID_BYTES;
const HEADER_BYTES = 64;

// Int32 fields of a slot.
const VERSION = 0;
const ACTIVE = 1;
const QUEUE = 2;
const ID_LENGTH = 3;
const FENCE_LENGTH = 4;
const TYPE = 5;
// Float64 fields, in units of 8 bytes from the slot's start.
const LEASED_AT = 3;
const BUFFERED_AT = 28;

// The low bits of ACTIVE; above them stands the version, so that an exchange cannot meet the next claim of the slot.
const FREE = 0;
const RUNNING = 1;
const BUFFERED = 2;
const HANDED_BACK = 3;
const STATE_BITS = 3;

/** Int32 fields of the header. */
const BUSY = 0;
const STATE = 1;
const BUFFERED_COUNT = 2;
/** Slots from the first one on that were ever claimed: a reader, forty times a second, looks no further. */
const USED = 3;

export const TABLE_STATES = ["running", "draining", "stopped"] as const;

export interface LeaseEntry {
  index: number;
  version: number;
  queue: number;
  id: string;
  fence: string;
  leasedAtMs: number;
  /** Index among the types that the worker has handlers for; -1 for none of them, or not begun. */
  type: number;
}

function stamp(version: number, state: number): number {
  return (version << 2) | state;
}

/** Milliseconds of the monotonic clock that all threads of the process share. */
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
  readonly #free: number[] = [];
  #used = 0;

  constructor(source: number | SharedArrayBuffer) {
    const fresh = typeof source === "number";
    this.buffer = fresh ? new SharedArrayBuffer(HEADER_BYTES + source * SLOT_BYTES) : source;
    this.capacity = (this.buffer.byteLength - HEADER_BYTES) / SLOT_BYTES;
    this.#ints = new Int32Array(this.buffer);
    this.#floats = new Float64Array(this.buffer);
    this.#bytes = Buffer.from(this.buffer);
    if (fresh) for (let i = this.capacity - 1; i >= 0; i--) this.#free.push(i);
  }

  get free(): number {
    return this.#free.length;
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

  /** Tasks that are held ahead of a free slot. */
  get buffered(): number {
    return Atomics.load(this.#ints, BUFFERED_COUNT);
  }

  /**
   * @param bufferedAtMs when it was taken ahead, monotonic; 0 for a task that is begun at once
   * @returns the slot's index; its version is `versionOf(index)`
   */
  claim(queue: number, id: string, fence: string, leasedAtMs: number, bufferedAtMs = 0): number {
    const index = this.#free.pop();
    if (index === undefined) throw new RangeError("the lease table is full");
    if (index >= this.#used) {
      this.#used = index + 1;
      Atomics.store(this.#ints, USED, this.#used);
    }
    const at = HEADER_BYTES + index * SLOT_BYTES;
    const i = at / 4;
    Atomics.add(this.#ints, i + VERSION, 1);
    this.#ints[i + QUEUE] = queue;
    this.#ints[i + TYPE] = -1;
    this.#ints[i + ID_LENGTH] = this.#bytes.write(id, at + 32, ID_BYTES, "latin1");
    this.#ints[i + FENCE_LENGTH] = this.#bytes.write(fence, at + FENCE_AT, FENCE_BYTES, "latin1");
    this.#floats[at / 8 + LEASED_AT] = leasedAtMs;
    this.#floats[at / 8 + BUFFERED_AT] = bufferedAtMs;
    if (bufferedAtMs > 0) Atomics.add(this.#ints, BUFFERED_COUNT, 1);
    const version = (this.#ints[i + VERSION] as number) + 1;
    Atomics.store(this.#ints, i + ACTIVE, stamp(version, bufferedAtMs > 0 ? BUFFERED : RUNNING));
    Atomics.add(this.#ints, i + VERSION, 1);
    return index;
  }

  /**
   * Begins a buffered task.
   * @param type its index among the types of the worker, shown as what runs
   * @returns false where it was handed back meanwhile
   */
  begin(index: number, type = -1): boolean {
    this.#ints[(HEADER_BYTES + index * SLOT_BYTES) / 4 + TYPE] = type;
    return this.#leaveBuffer(index, this.versionOf(index), RUNNING);
  }

  /** The heartbeat thread took it away. */
  wasHandedBack(index: number): boolean {
    const active = (HEADER_BYTES + index * SLOT_BYTES) / 4 + ACTIVE;
    return (Atomics.load(this.#ints, active) & STATE_BITS) === HANDED_BACK;
  }

  /** Takes a buffered task away from its worker. @returns false where it was begun, or the slot serves another one */
  handBack(entry: LeaseEntry): boolean {
    return this.#leaveBuffer(entry.index, entry.version, HANDED_BACK);
  }

  #leaveBuffer(index: number, version: number, to: number): boolean {
    const active = (HEADER_BYTES + index * SLOT_BYTES) / 4 + ACTIVE;
    const buffered = stamp(version, BUFFERED);
    const left = Atomics.compareExchange(this.#ints, active, buffered, stamp(version, to)) === buffered;
    if (left) Atomics.sub(this.#ints, BUFFERED_COUNT, 1);
    return left;
  }

  release(index: number): void {
    const i = (HEADER_BYTES + index * SLOT_BYTES) / 4;
    this.#leaveBuffer(index, this.versionOf(index), FREE);
    Atomics.add(this.#ints, i + VERSION, 1);
    Atomics.store(this.#ints, i + ACTIVE, FREE);
    Atomics.add(this.#ints, i + VERSION, 1);
    this.#free.push(index);
  }

  versionOf(index: number): number {
    return Atomics.load(this.#ints, (HEADER_BYTES + index * SLOT_BYTES) / 4 + VERSION);
  }

  /** The leases taken before `leasedBeforeMs`. A slot that is written meanwhile is left for the next round. */
  read(leasedBeforeMs: number): LeaseEntry[] {
    return this.#entries(
      (state, at) =>
        (state === RUNNING || state === BUFFERED) && this.#float(at, LEASED_AT) <= leasedBeforeMs,
    );
  }

  /** What runs, at most `limit` of it. */
  readRunning(limit: number): LeaseEntry[] {
    return this.#entries((state) => state === RUNNING).slice(0, limit);
  }

  /** The tasks that were taken ahead before `bufferedBeforeMs` and are not begun yet. */
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
      const at = HEADER_BYTES + index * SLOT_BYTES;
      const i = at / 4;
      const version = Atomics.load(this.#ints, i + VERSION);
      if (version % 2 !== 0 || !matches((this.#ints[i + ACTIVE] as number) & STATE_BITS, at)) continue;
      const idEnd = at + 32 + (this.#ints[i + ID_LENGTH] as number);
      const fenceEnd = at + FENCE_AT + (this.#ints[i + FENCE_LENGTH] as number);
      const entry = {
        index,
        version,
        queue: this.#ints[i + QUEUE] as number,
        id: this.#bytes.toString("latin1", at + 32, idEnd),
        fence: this.#bytes.toString("latin1", at + FENCE_AT, fenceEnd),
        leasedAtMs: this.#float(at, LEASED_AT),
        type: this.#ints[i + TYPE] as number,
      };
      if (Atomics.load(this.#ints, i + VERSION) === version) entries.push(entry);
    }
    return entries;
  }
}
