import { MAX_TIMER_MS, whole } from "./options/kinds.ts";
import { shapeOf } from "./options/shape.ts";

/** Options of `stop`. */
export interface StopOptions {
  /**
   * How long running tasks may continue. A later call can shorten this time, but not lengthen it. Milliseconds, 0 to
   * 2_147_483_647. @default 25_000
   */
  graceMs?: number | undefined;
}

export const stopShape = shapeOf<StopOptions>({
  what: "a stop",
  title: "Stopping",
  example: "{ graceMs: 5_000 }",
  kinds: { graceMs: whole(0, MAX_TIMER_MS) },
  hints: { timeout: "graceMs", timeoutMs: "graceMs", grace: "graceMs", force: "did you mean graceMs: 0?" },
});

const STEP_MS = 10;

/** A time in which running work may still end. It can be shortened while it runs. */
export class Grace {
  #endsAtMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #over: () => void = () => {};
  /** Resolves when the time is over. */
  readonly over = new Promise<void>((resolve) => {
    this.#over = resolve;
  });

  constructor(ms?: number) {
    if (ms !== undefined) this.shorten(ms);
  }

  get leftMs(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }

  /** Ends the time after `ms`, unless it ends sooner anyway. */
  shorten(ms: number): void {
    const endsAtMs = performance.now() + ms;
    if (endsAtMs >= this.#endsAtMs) return;
    this.#endsAtMs = endsAtMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#over, ms);
  }

  /** Resolves when the condition is true, or when the time is over. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && this.leftMs > 0) await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }

  /** Resolves when the work has ended, also with an error, or when the time is over. */
  async orEnd(work: Promise<unknown>): Promise<void> {
    await Promise.race([work.catch(() => {}), this.over]);
  }

  /** Stops the timer, which would keep the process alive. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
