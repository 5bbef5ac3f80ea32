/** A set of whole numbers from 0. Each takes one bit, so that the ids of a million tasks fit into memory. */
export class IdSet {
  #bits;

  constructor(capacity) {
    this.#bits = new Uint8Array(Math.ceil(capacity / 8));
  }

  add(number) {
    this.#bits[number >> 3] |= 1 << (number & 7);
  }

  has(number) {
    return (this.#bits[number >> 3] & (1 << (number & 7))) !== 0;
  }

  get size() {
    let size = 0;
    for (let byte of this.#bits) for (; byte !== 0; byte &= byte - 1) size++;
    return size;
  }
}
