import type { Observer, QueueStats, WorkerView } from "holdfast";
import type { Logger } from "pino";

const STREAM_INTERVAL_MS = 500;
const IDLE_INTERVAL_MS = 1_000;
/**
 * An answer that takes longer than this, ms, counts as no answer. So clients learn within seconds that Redis hangs.
 */
const ANSWER_LIMIT_MS = 2_000;

/** The state of all queues as it was last read. */
export interface Sample {
  /** Milliseconds since the epoch, by the clock of this process. */
  at: number;
  /** When Redis last answered, ms since the epoch; null before the first answer. */
  sampledAt: number | null;
  /** False if Redis did not answer. Then the counts are those of an earlier sample. */
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
 * The only loop that reads the state of all queues. Series, gauges and stream clients use its samples. It runs twice a
 * second while a client is connected, and otherwise once a second.
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

  /**
   * Calls the listener with each new sample, at most once per `streamIntervalMs`. @returns a function that removes the
   * listener
   */
  subscribe(listener: (sample: Sample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads one sample. If a read has already begun, returns its promise. Never rejects: after an error the sample has
   * `redisUp: false`.
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
