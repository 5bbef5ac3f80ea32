import type { Logger, ServiceMetrics } from "@holdfast/service";

const REDIS_INFO_INTERVAL_MS = 5_000;

export interface RedisInfoOptions {
  /** Reads the text of INFO. */
  info(): Promise<string>;
  metrics: ServiceMetrics;
  logger: Logger;
  /** How often INFO is read, ms. @default 5_000 */
  intervalMs?: number;
}

/** Exports memory, load and eviction policy of Redis. A timer reads INFO, so that no scrape waits for it. */
export class RedisInfo {
  readonly #options: RedisInfoOptions;
  readonly #gauges: Record<
    "used" | "limit" | "clients" | "evicts",
    { set(value: number): void; remove(): void }
  >;
  readonly #counters: Record<"commands" | "evicted", { inc(by: number): void; reset(): void }>;
  #timer: NodeJS.Timeout | undefined;
  #inFlight: Promise<void> | undefined;
  #running = false;
  #failed = false;

  constructor(options: RedisInfoOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#gauges = {
      used: metrics.gauge("redis_memory_used_bytes", "Memory that Redis uses.", []),
      limit: metrics.gauge(
        "redis_memory_limit_bytes",
        "maxmemory of Redis, or the memory of its machine if that is not set.",
        [],
      ),
      clients: metrics.gauge("redis_clients", "Connections of clients to Redis.", []),
      evicts: metrics.gauge("redis_evicts", "1 while Redis may evict keys, which loses tasks.", []),
    };
    this.#counters = {
      commands: metrics.counter("redis_commands_total", "Commands that Redis has processed.", []),
      evicted: metrics.counter("redis_evicted_keys_total", "Keys that Redis has evicted.", []),
    };
    this.#forget();
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#inFlight;
  }

  /** Reads INFO once. Never rejects: if Redis does not answer, the metrics have no value. */
  async runOnce(): Promise<void> {
    try {
      this.#record(parseInfo(await this.#options.info()));
      this.#failed = false;
    } catch (error) {
      this.#forget();
      if (!this.#failed) this.#options.logger.warn({ err: error }, "cannot read INFO from Redis");
      this.#failed = true;
    }
  }

  #record(fields: ReadonlyMap<string, string>): void {
    const { used, limit, clients, evicts } = this.#gauges;
    const number = (name: string) => Number(fields.get(name) ?? 0);
    used.set(number("used_memory"));
    limit.set(number("maxmemory") || number("total_system_memory"));
    clients.set(number("connected_clients"));
    evicts.set((fields.get("maxmemory_policy") ?? "noeviction") === "noeviction" ? 0 : 1);
    const { commands, evicted } = this.#counters;
    // Redis starts these counters at zero when it restarts. Setting them to its values makes the metrics restart too.
    commands.reset();
    commands.inc(number("total_commands_processed"));
    evicted.reset();
    evicted.inc(number("evicted_keys"));
  }

  #forget(): void {
    for (const gauge of Object.values(this.#gauges)) gauge.remove();
  }

  #tick(): void {
    if (!this.#running) return;
    this.#inFlight = this.runOnce().then(() => {
      this.#inFlight = undefined;
      if (!this.#running) return;
      this.#timer = setTimeout(() => this.#tick(), this.#options.intervalMs ?? REDIS_INFO_INTERVAL_MS);
      this.#timer.unref();
    });
  }
}

function parseInfo(text: string): Map<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => !line.startsWith("#") && line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}
