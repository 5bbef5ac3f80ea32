/** Calls that have begun and not ended yet. `close` methods wait for them. */
export class UnderWay {
  readonly #calls = new Set<Promise<unknown>>();

  /** Adds a call. @returns the same call */
  add<Result>(call: Promise<Result>): Promise<Result> {
    this.#calls.add(call);
    const end = () => this.#calls.delete(call);
    call.then(end, end);
    return call;
  }

  /** Resolves when no call is running. Calls that begin meanwhile are awaited too. */
  async ended(): Promise<void> {
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
  }
}
