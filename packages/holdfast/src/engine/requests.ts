import { nanoid } from "nanoid";

/** A request id: repeated as it is, the scripts answer it as before; a lower sequence in the same slot is refused. */
export interface Request {
  readonly requestSlot: string;
  readonly sequence: number;
}

/** Hands out request ids: a slot serves one call at a time, so that its record in Redis can be overwritten in place. */
export class RequestSlots {
  readonly #prefix: string;
  readonly #free: number[] = [];
  readonly #sequences: number[] = [];

  /** @param instance for people to read. The minted part keeps it unique: a process that starts again begins at sequence 1. */
  constructor(instance = "") {
    this.#prefix = `#q:${instance}${instance && "-"}${nanoid(10)}:`;
  }

  take(): Request & { readonly index: number } {
    const index = this.#free.pop() ?? this.#sequences.length;
    const sequence = (this.#sequences[index] ?? 0) + 1;
    this.#sequences[index] = sequence;
    return { requestSlot: `${this.#prefix}${index}`, sequence, index };
  }

  give(request: { readonly index: number }): void {
    this.#free.push(request.index);
  }

  /** Runs one call under a request id of its own. */
  async with<Result>(call: (request: Request) => Promise<Result>): Promise<Result> {
    const request = this.take();
    try {
      return await call(request);
    } finally {
      this.give(request);
    }
  }
}
