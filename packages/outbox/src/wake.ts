/** A pause between two polls that can be ended early. */
export class Wake {
  #isAsked = false;
  #hasEnded = false;
  #resolve: (() => void) | undefined;

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends the current pause, or the next one, once the shortest time of that pause is over. */
  now(): void {
    this.#isAsked = true;
    this.#resolve?.();
  }

  /** Ends the current pause and all later ones at once. */
  end(): void {
    this.#hasEnded = true;
    this.#resolve?.();
  }

  /** Waits `ms`, or only `leastMs` if `now` is called before or during the wait. */
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
