/**
 * The leases that a worker holds, in memory that the heartbeat thread shares: a handler that blocks the event loop
 * keeps its lease, and a task that ends within milliseconds costs no message between threads.
 *
 * A slot is guarded by its version: odd while it is written, raised by two for each claim.
 */
const SLOT_BYTES = 256;
const ID_BYTES = 128;
const TOKEN_BYTES = 64;
const TOKEN_AT = 32 + ID_BYTES;
const HEADER_BYTES = 64;

// Int32 fields of a slot.
const VERSION = 0;
const ACTIVE = 1;
const QUEUE = 2;
const ID_LENGTH = 3;
const TOKEN_LENGTH = 4;
// Float64 field, in units of 8 bytes from the slot's start.
const LEASED_AT = 3;

/** Int32 fields of the header. */
const BUSY = 0;
const STATE = 1;

export const TABLE_STATES = ["running", "draining", "stopped"] as const;

export interface LeaseEntry {
  index: number;
  version: number;
  queue: number;
  id: string;
  token: string;
  leasedAtMs: number;
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

  /** @returns the slot's index; its version is `versionOf(index)` */
  claim(queue: number, id: string, token: string, leasedAtMs: number): number {
    const index = this.#free.pop();
    if (index === undefined) throw new RangeError("the lease table is full");
    const at = HEADER_BYTES + index * SLOT_BYTES;
    const i = at / 4;
    Atomics.add(this.#ints, i + VERSION, 1);
    this.#ints[i + QUEUE] = queue;
    this.#ints[i + ID_LENGTH] = this.#bytes.write(id, at + 32, ID_BYTES, "latin1");
    this.#ints[i + TOKEN_LENGTH] = this.#bytes.write(token, at + TOKEN_AT, TOKEN_BYTES, "latin1");
    this.#floats[at / 8 + LEASED_AT] = leasedAtMs;
    this.#ints[i + ACTIVE] = 1;
    Atomics.add(this.#ints, i + VERSION, 1);
    return index;
  }

  release(index: number): void {
    const i = (HEADER_BYTES + index * SLOT_BYTES) / 4;
    Atomics.add(this.#ints, i + VERSION, 1);
    this.#ints[i + ACTIVE] = 0;
    Atomics.add(this.#ints, i + VERSION, 1);
    this.#free.push(index);
  }

  versionOf(index: number): number {
    return Atomics.load(this.#ints, (HEADER_BYTES + index * SLOT_BYTES) / 4 + VERSION);
  }

  /** The leases taken before `leasedBeforeMs`. A slot that is written meanwhile is left for the next round. */
  read(leasedBeforeMs: number): LeaseEntry[] {
    const entries: LeaseEntry[] = [];
    for (let index = 0; index < this.capacity; index++) {
      const at = HEADER_BYTES + index * SLOT_BYTES;
      const i = at / 4;
      const version = Atomics.load(this.#ints, i + VERSION);
      if (version % 2 === 1 || this.#ints[i + ACTIVE] !== 1) continue;
      const leasedAtMs = this.#floats[at / 8 + LEASED_AT] as number;
      if (leasedAtMs > leasedBeforeMs) continue;
      const id = this.#bytes.toString("latin1", at + 32, at + 32 + (this.#ints[i + ID_LENGTH] as number));
      const token = this.#bytes.toString(
        "latin1",
        at + TOKEN_AT,
        at + TOKEN_AT + (this.#ints[i + TOKEN_LENGTH] as number),
      );
      const queue = this.#ints[i + QUEUE] as number;
      if (Atomics.load(this.#ints, i + VERSION) !== version) continue;
      entries.push({ index, version, queue, id, token, leasedAtMs });
    }
    return entries;
  }
}
