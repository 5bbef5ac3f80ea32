// The size of a pooled buffer. Without a pool, allocating memory would take as long as filling it.
const POOLED_BYTES = 131_072;
const POOLED_BUFFERS = 8;
// If the pool is empty, a growing call gets a buffer of this many times its first size.
const WHOLE_FACTOR = 8;

/**
 * Reuses memory for calls. A call gives its memory back after the reply, because Redis has read all of it by then.
 * Without a reply it does not give it back, because the bytes may still be sent later.
 */
export class BytesPool {
  readonly #free: Buffer[] = [];
  /** How many buffers of `takeWhole` are in use. */
  #lent = 0;

  /** Returns a buffer of exactly this length; undefined if the length is too large for the pool. */
  take(length: number): Buffer | undefined {
    if (length > POOLED_BYTES) return undefined;
    const whole = this.#free.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
    return whole.subarray(0, length);
  }

  /** Returns a buffer of at least this size, for a call whose length is not known yet. */
  takeWhole(least: number): Buffer {
    this.#lent++;
    if (least > POOLED_BYTES) return Buffer.allocUnsafeSlow(least);
    const whole = this.#free.pop();
    if (whole !== undefined) return whole;
    // If more calls are unanswered, for example of many queues, most are small, so full buffers would waste memory.
    const bytes = this.#lent > POOLED_BUFFERS ? Math.min(POOLED_BYTES, WHOLE_FACTOR * least) : POOLED_BYTES;
    return Buffer.allocUnsafeSlow(bytes);
  }

  /** Takes a buffer back. @param isRead whether Redis has read all of it */
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
