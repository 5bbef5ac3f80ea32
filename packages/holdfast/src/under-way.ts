/** The calls that have begun and not ended yet. A `close` waits for them. */
export class UnderWay {
  readonly #calls = new Set<Promise<unknown>>();

  /** @returns the call that was given */
  add<Result>(call: Promise<Result>): Promise<Result> {
    this.#calls.add(call);
    const end = () => this.#calls.delete(call);
    call.then(end, end);
    return call;
  }

  /** Resolves when no call is under way. Calls that begin meanwhile are awaited too. */
  async ended(): Promise<void> {
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
  }
}
