import type { Observer, QueueStats, WorkerView } from "holdfast";
import type { Logger } from "pino";

const STREAM_INTERVAL_MS = 500;
const IDLE_INTERVAL_MS = 1_000;
/** A slower answer counts as none, so that clients learn within seconds that Redis hangs. */
const ANSWER_LIMIT_MS = 2_000;

/** The last known state of all queues. */
export interface Sample {
  /** Milliseconds since the epoch, by the clock of this process. */
  at: number;
  /** When Redis last answered; null before the first answer. */
  sampledAt: number | null;
  /** False if the counts are the last known ones. */
  redisUp: boolean;
  queues: QueueStats[];
  workers: WorkerView[];
}

export interface SamplerOptions {
  observer: Pick<Observer, "snapshot" | "workers">;
  logger: Logger;
  onSample?: (sample: Sample) => void;
  streamIntervalMs?: number;
  idleIntervalMs?: number;
  answerLimitMs?: number;
}

/**
 * The one loop that reads the state of all queues, for series, gauges and stream clients. It runs twice a second while
 * somebody watches, otherwise once.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #listeners = new Set<(sample: Sample) => void>();
  #latest: Sample = { at: Date.now(), sampledAt: null, redisUp: false, queues: [], workers: [] };
  #inFlight: Promise<Sample> | undefined;
  #inFlightSince = 0;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #wasUp: boolean | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  get latest(): Sample {
    return this.#latest;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    await this.#inFlight;
  }

  /** The listener gets each new sample, at most one every `streamIntervalMs`. @returns a function that removes it */
  subscribe(listener: (sample: Sample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads one sample; a read that is under way is shared. Never rejects: a failure is a sample with `redisUp: false`.
   */
  runOnce(): Promise<Sample> {
    if (this.#inFlight) return this.#inFlight;
    this.#inFlightSince = Date.now();
    this.#inFlight = this.#look().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #look(): Promise<Sample> {
    const { observer } = this.#options;
    try {
      const [queues, workers] = await Promise.all([observer.snapshot(), observer.workers()]);
      const at = Date.now();
      return this.#publish({ at, sampledAt: at, redisUp: true, queues, workers });
    } catch (error) {
      return this.#publishDown(error);
    }
  }

  #publishDown(error?: unknown): Sample {
    if (this.#wasUp !== false) this.#options.logger.warn({ err: error }, "Redis does not answer");
    return this.#publish({ ...this.#latest, at: Date.now(), redisUp: false });
  }

  #publish(sample: Sample): Sample {
    if (sample.redisUp && this.#wasUp === false) this.#options.logger.info("Redis answers again");
    this.#wasUp = sample.redisUp;
    this.#latest = sample;
    this.#options.onSample?.(sample);
    for (const listener of this.#listeners) listener(sample);
    return sample;
  }

  #tick(): void {
    if (!this.#running) return;
    const { streamIntervalMs, idleIntervalMs, answerLimitMs } = this.#options;
    const intervalMs =
      this.#listeners.size > 0
        ? (streamIntervalMs ?? STREAM_INTERVAL_MS)
        : (idleIntervalMs ?? IDLE_INTERVAL_MS);
    this.#timer = setTimeout(() => this.#tick(), intervalMs);
    this.#timer.unref();
    if (!this.#inFlight) void this.runOnce();
    else if (Date.now() - this.#inFlightSince > (answerLimitMs ?? ANSWER_LIMIT_MS)) this.#publishDown();
  }
}
