import { deployedOf, runsQueue, type SeriesHistory } from "holdfast/operate";
import type { Logger } from "pino";
import type { Sample } from "./sampler.ts";

/** The most queues whose series are kept. The series in memory have the same limit. */
const MAX_QUEUES = 200;

export interface SeriesKeeperOptions {
  history: Pick<SeriesHistory, "keep">;
  logger: Logger;
}

/** Writes the series of all queues to Redis, from the samples that the sampler takes anyway. */
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

  /** Waits until the writes that have begun are done. */
  async stop(): Promise<void> {
    await this.#keeping;
  }

  #look(queue: string, { workers }: Sample): void {
    const own = workers.filter(
      ({ state, queues }) =>
        (state === "running" || state === "paused" || state === "draining") && runsQueue(queues, queue),
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
        const deployed = deployedOf(stats.queue, sample.workers);
        // `keep` returns true if a new bucket has begun, even if another process began it.
        if (await this.#options.history.keep(stats, utilisation, deployed)) this.#worked.delete(stats.queue);
      }
      const present = new Set(sample.queues.map(({ queue }) => queue));
      for (const queue of this.#worked.keys()) if (!present.has(queue)) this.#worked.delete(queue);
      this.#failed = false;
    } catch (error) {
      // Only the first of several failures is logged. A full Redis refuses a write every second, and the series are not
      // important enough for a log line per second.
      if (!this.#failed)
        this.#options.logger.warn(
          { err: error },
          "could not write the time series of the queues to Redis; further failures are logged only after a success",
        );
      this.#failed = true;
    }
  }
}
