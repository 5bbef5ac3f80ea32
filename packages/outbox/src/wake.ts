/** A pause that can be ended early. */
export class Wake {
  #isAsked = false;
  #hasEnded = false;
  #resolve: (() => void) | undefined;

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends the present pause, or the next one, after its least time. */
  now(): void {
    this.#isAsked = true;
    this.#resolve?.();
  }

  /** Ends the present pause and all later ones at once. */
  end(): void {
    this.#hasEnded = true;
    this.#resolve?.();
  }

  /** Waits `ms`, or only `leastMs` if it was asked to wake up. */
  async wait(ms: number, leastMs: number): Promise<void> {
    await this.#sleep(leastMs, () => this.#hasEnded);
    await this.#sleep(ms - leastMs, () => this.#hasEnded || this.#isAsked);
    this.#isAsked = false;
  }

  #sleep(ms: number, isOver: () => boolean): Promise<void> {
    if (ms <= 0 || isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        if (!isOver()) return;
        clearTimeout(timer);
        this.#resolve = undefined;
        resolve();
      };
      const timer = setTimeout(() => {
        this.#resolve = undefined;
        resolve();
      }, ms);
      this.#resolve = done;
    });
  }
}
