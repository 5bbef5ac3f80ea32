import type { SeriesHistory } from "holdfast/operate";
import type { Logger } from "pino";
import type { Sample } from "./sampler.ts";

/** The most queues with a history. Series in memory have the same bound. */
const MAX_QUEUES = 200;

export interface SeriesKeeperOptions {
  history: Pick<SeriesHistory, "keep">;
  logger: Logger;
}

/** Keeps the series of all queues in Redis, from the samples that are taken anyway. */
export class SeriesKeeper {
  readonly #options: SeriesKeeperOptions;
  readonly #worked = new Map<string, { sum: number; looks: number }>();
  #keeping: Promise<void> | undefined;
  #failed = false;

  constructor(options: SeriesKeeperOptions) {
    this.#options = options;
  }

  take(sample: Sample): void {
    if (!sample.redisUp) return;
    for (const { queue } of sample.queues) this.#look(queue, sample);
    this.#keeping ??= this.#keep(sample).finally(() => {
      this.#keeping = undefined;
    });
  }

  /** Waits for the writes that are under way. */
  async stop(): Promise<void> {
    await this.#keeping;
  }

  #look(queue: string, { workers }: Sample): void {
    const own = workers.filter(
      ({ state, queues }) =>
        (state === "running" || state === "paused" || state === "draining") &&
        queues.some((name) => name === queue || name.startsWith(`${queue}/`)),
    );
    const slots = own.reduce((sum, worker) => sum + worker.slots, 0);
    if (slots === 0) return;
    const busy = own.reduce((sum, worker) => sum + Math.min(worker.busy, worker.slots), 0);
    const worked = this.#worked.get(queue) ?? { sum: 0, looks: 0 };
    this.#worked.set(queue, { sum: worked.sum + busy / slots, looks: worked.looks + 1 });
  }

  async #keep(sample: Sample): Promise<void> {
    try {
      for (const stats of sample.queues.slice(0, MAX_QUEUES)) {
        const worked = this.#worked.get(stats.queue);
        const utilisation = worked ? worked.sum / worked.looks : null;
        // A new bucket also begins if another process wrote first.
        if (await this.#options.history.keep(stats, utilisation)) this.#worked.delete(stats.queue);
      }
      const present = new Set(sample.queues.map(({ queue }) => queue));
      for (const queue of this.#worked.keys()) if (!present.has(queue)) this.#worked.delete(queue);
      this.#failed = false;
    } catch (error) {
      // Logged once, not every second: a full Redis refuses every write, and charts are less important.
      if (!this.#failed) this.#options.logger.warn({ err: error }, "the series could not be kept");
      this.#failed = true;
    }
  }
}
