import {
  ACTIVE,
  BUFFERED,
  BUFFERED_AT,
  BUFFERED_COUNT,
  BUSY,
  CONFIRMED_AT,
  ENTRY_BYTES,
  FENCE_AT,
  FENCE_LENGTH,
  HANDED_BACK,
  HEADER_BYTES,
  ID_AT,
  ID_LENGTH,
  LEASED_AT,
  leaveBuffer,
  PART,
  RUNNING,
  SLOTS,
  STATE,
  STATE_BITS,
  TABLE_STATES,
  TYPE,
  USED,
  VERSION,
} from "./lease-table.ts";

export interface LeaseEntry {
  index: number;
  version: number;
  /** Index of the queue or partition that the task is in. */
  part: number;
  id: string;
  fence: string;
  leasedAtMs: number;
  /** When the lease was granted or last renewed. In shared memory, so that a new heartbeat thread knows it. */
  confirmedAtMs: number;
  /** Index among the sorted rules of the handlers; -1 if no rule matches, or the task has not begun. */
  type: number;
}

/** The leases of a worker, read by the heartbeat thread from memory that `LeaseTable` writes. */
export class LeaseReader {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Buffer;

  constructor(buffer: SharedArrayBuffer) {
    this.#ints = new Int32Array(buffer);
    this.#floats = new Float64Array(buffer);
    this.#bytes = Buffer.from(buffer);
  }

  get busy(): number {
    return Atomics.load(this.#ints, BUSY);
  }

  get state(): (typeof TABLE_STATES)[number] {
    return TABLE_STATES[Atomics.load(this.#ints, STATE)] ?? "running";
  }

  get slots(): number {
    return Atomics.load(this.#ints, SLOTS);
  }

  /** How many tasks wait for a free slot. */
  get buffered(): number {
    return Atomics.load(this.#ints, BUFFERED_COUNT);
  }

  /** Sets the time at which the lease was valid, unless the entry has been reused for another lease. */
  confirm({ index, version }: LeaseEntry, atMs: number): void {
    if (Atomics.load(this.#ints, (HEADER_BYTES + index * ENTRY_BYTES) / 4 + VERSION) === version)
      this.#floats[(HEADER_BYTES + index * ENTRY_BYTES) / 8 + CONFIRMED_AT] = atMs;
  }

  /**
   * Takes a task that waits for a slot away from its worker, so that the thread can hand it back to Redis.
   * @returns false if the task has begun meanwhile, or if the entry has been reused for another lease
   */
  handBack(entry: LeaseEntry): boolean {
    return leaveBuffer(this.#ints, entry.index, entry.version, HANDED_BACK);
  }

  /** Returns the leases that were granted before `leasedBeforeMs`, except entries that are being written now. */
  read(leasedBeforeMs: number): LeaseEntry[] {
    return this.#entries(
      (state, at) =>
        (state === RUNNING || state === BUFFERED) && this.#float(at, LEASED_AT) <= leasedBeforeMs,
    );
  }

  readRunning(limit: number): LeaseEntry[] {
    return this.#entries((state) => state === RUNNING).slice(0, limit);
  }

  /** Returns the tasks that were acquired before `bufferedBeforeMs` and still wait for a slot. */
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
