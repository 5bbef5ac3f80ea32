/** Calls that came before something was ready. They run later, in the order in which they came. */
export class EarlyCalls {
  #early: { go(): void; refuse(error: unknown): void }[] = [];

  /** Runs a call when `ready` has resolved. All waiting calls share one call of `ready`. */
  run<Result>(call: () => Promise<Result>, ready: () => Promise<unknown>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#early.push({ go: () => call().then(resolve, reject), refuse: reject });
      if (this.#early.length > 1) return;
      ready().then(
        () => {
          for (const early of this.#early.splice(0)) early.go();
        },
        (error) => {
          for (const early of this.#early.splice(0)) early.refuse(error);
        },
      );
    });
  }
}
