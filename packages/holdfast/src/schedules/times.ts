/** The occurrences of a schedule. Times are milliseconds since the epoch. */
export interface Times {
  /** A description in words. */
  readonly words: string;
  /** Returns the first occurrence after a time; null if there is none. */
  after(ms: number): number | null;
  /** Returns at most `count` occurrences after a time, in order. */
  following(ms: number, count: number): number[];
  /**
   * Returns the occurrences from `fromMs` to `untilMs`, both included, oldest first, at most the last 100. `fromMs` has
   * to be an occurrence. `cut`: earlier ones were left out.
   */
  between(fromMs: number, untilMs: number): { times: number[]; cut: boolean };
}

/** The occurrences of another `Times` that are between a start and an end, both included. */
export class BoundedTimes implements Times {
  readonly words: string;
  readonly #times: Times;
  readonly #startAt: number;
  readonly #endAt: number;

  constructor(times: Times, startAt: number | null, endAt: number | null) {
    this.words = times.words;
    this.#times = times;
    this.#startAt = startAt ?? 0;
    this.#endAt = endAt ?? Number.POSITIVE_INFINITY;
  }

  after(ms: number): number | null {
    const next = this.#times.after(Math.max(ms, this.#startAt - 1));
    return next !== null && next <= this.#endAt ? next : null;
  }

  following(ms: number, count: number): number[] {
    return this.#times.following(Math.max(ms, this.#startAt - 1), count).filter((at) => at <= this.#endAt);
  }

  between(fromMs: number, untilMs: number): { times: number[]; cut: boolean } {
    return this.#times.between(fromMs, Math.min(untilMs, this.#endAt));
  }
}
