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

  /** Returns a buffer of exactly this length; undefined for a length that is too long for the pool. */
  take(length: number): Buffer | undefined {
    if (length > POOLED_BYTES) return undefined;
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

  give(bytes: Buffer): void {
    const { buffer, byteOffset } = bytes;
    if (buffer.byteLength !== POOLED_BYTES || byteOffset !== 0 || this.#free.length >= POOLED_BUFFERS) return;
    this.#free.push(Buffer.from(buffer, 0, POOLED_BYTES));
  }
}
