import { hash } from "node:crypto";
import { nanoid } from "nanoid";

/**
 * A request id. If a call is repeated with the same id, the script gives the same answer. A lower sequence in the same
 * slot is refused.
 */
export interface Request {
  readonly requestSlot: string;
  readonly sequence: number;
}

/**
 * Returns the request id of all calls with one idempotency key. Redis forgets it as it forgets others, an hour after the
 * first call.
 * @param id the task of these calls
 */
export function keyedRequest(id: string, key: string): Request {
  return { requestSlot: `#q:${hash("sha256", `${id} ${key}`, "base64url")}:0`, sequence: 1 };
}

/** Hands out request ids. A slot serves one call at a time, so its record in Redis can be overwritten. */
export class RequestSlots {
  readonly #prefix: string;
  readonly #free: number[] = [];
  readonly #sequences: number[] = [];

  /**
   * @param instance a name for people to read. A minted part makes the slot unique, because a process that starts again
   * begins at sequence 1.
   */
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

  /** Runs one call with a new request id. */
  async with<Result>(call: (request: Request) => Promise<Result>): Promise<Result> {
    const request = this.take();
    try {
      return await call(request);
    } finally {
      this.give(request);
    }
  }
}
