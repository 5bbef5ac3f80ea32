import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { openMetricsText, wantsOpenMetrics } from "./open-metrics.ts";
import { PlainCounter, PlainHistogram, requestTimer, scriptTimer } from "./plain-metrics.ts";

/** The label value that replaces every value above the cap. */
export const OTHER = "__other__";

/**
 * Limits the number of values of one label. Callers choose the names of queues and types, and each new name would be a
 * new time series.
 */
export class LabelCap {
  readonly #limit: number;
  readonly #seen = new Set<string>();

  /**
   * @param limit how many values the label keeps before it uses `__other__`. @default 64
   */
  constructor(limit = 64) {
    this.#limit = limit;
  }

  value(label: string): string {
    if (this.#seen.has(label)) return label;
    if (this.#seen.size >= this.#limit) return OTHER;
    this.#seen.add(label);
    return label;
  }
}

/** Bucket bounds for HTTP and Redis calls, seconds. */
export const CALL_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
export const WAIT_BUCKETS_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600,
];
export const RUN_BUCKETS_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
];

const NO_EXEMPLAR = {};

export interface ServiceMetrics {
  registry: Registry;
  /** Returns the text of all metrics, in the format that the Accept header of the scraper asks for. */
  read(accept: string | undefined): Promise<{ contentType: string; text: string }>;
  /** Returns the label for this queue, or `__other__` if there are too many queues. */
  queueLabel(queue: string): string;
  typeLabel(type: string): string;
  /** Records a script call. The library gets this function as its option `onScript`. */
  onScript(script: string, seconds: number): void;
  setRedisUp(up: boolean): void;
  observeHttp(method: string, route: string, status: number, seconds: number): void;
  /** Like `counter` and `histogram`, but cheap enough to be updated for every task or request. */
  plainCounter(name: string, help: string, labels: readonly string[]): PlainCounter;
  plainHistogram(name: string, help: string, labels: readonly string[], buckets: number[]): PlainHistogram;
  /** Makes a counter, gauge or histogram of this service. Its name gets the prefix `holdfast_`. */
  counter<L extends string>(name: string, help: string, labels: readonly L[]): Counter<L>;
  /** `collect` runs at each scrape, and sets values that are known only then. */
  gauge<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    collect?: (gauge: Gauge<L>) => void,
  ): Gauge<L>;
  histogram<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    buckets: number[],
  ): TracedHistogram<L>;
}

/** A histogram that keeps, for each bucket, the id of the trace of its last observation. */
export interface TracedHistogram<L extends string> {
  observe(labels: Record<L, string>, value: number, traceId?: string): void;
  zero(labels: Record<L, string>): void;
}

/**
 * Makes the registry of a service, with the metrics that every service has: `redis_up`, `build_info`, scripts, HTTP.
 */
export function createMetrics(options: { service: string; version: string; http?: boolean }): ServiceMetrics {
  const registry = new Registry();
  const registers = [registry];
  // The lag of the event loop is sampled every 50 ms, so an idle process reports a lag of about 50 ms. Samples every 10 ms,
  // the default, cost an idle process 0.25% of a core.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const counter: ServiceMetrics["counter"] = (name, help, labelNames) =>
    new Counter({ name: `holdfast_${name}`, help, labelNames, registers });
  const gauge: ServiceMetrics["gauge"] = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect?: (gauge: Gauge<L>) => void,
  ) => {
    const made: Gauge<L> = new Gauge({
      name: `holdfast_${name}`,
      help,
      labelNames,
      registers,
      ...(collect ? { collect: () => collect(made) } : {}),
    });
    return made;
  };
  const histogram: ServiceMetrics["histogram"] = (name, help, labelNames, buckets) => {
    const made: Histogram<string> = new Histogram({
      name: `holdfast_${name}`,
      help,
      labelNames,
      buckets,
      enableExemplars: true,
      // The metric is registered below. With this option, prom-client would refuse a registry that can also use the
      // older format.
      registers: [],
    });
    registry.registerMetric(made);
    return {
      observe: (labels, value, traceId) =>
        made.observe({
          labels,
          value,
          exemplarLabels: traceId === undefined ? NO_EXEMPLAR : { trace_id: traceId },
        }),
      zero: (labels) => made.zero(labels),
    };
  };

  gauge("build_info", "Always 1; the label has the version of this process.", ["service", "version"]).set(
    { service: options.service, version: options.version },
    1,
  );
  const redisUp = gauge("redis_up", "1 while Redis answers this process.", []);
  redisUp.set(0);
  const plainHistogram: ServiceMetrics["plainHistogram"] = (name, help, labelNames, buckets) =>
    new PlainHistogram(registry, `holdfast_${name}`, help, labelNames, buckets);
  const scripts = plainHistogram(
    "redis_script_seconds",
    "Duration of script calls, as seen by the caller.",
    ["script"],
    CALL_BUCKETS_SECONDS,
  );
  const http =
    options.http === false
      ? undefined
      : plainHistogram(
          "http_request_duration_seconds",
          "Duration of HTTP requests.",
          ["method", "route", "status_class"],
          CALL_BUCKETS_SECONDS,
        );
  const queues = new LabelCap();
  const types = new LabelCap();
  return {
    registry,
    read: async (accept) =>
      wantsOpenMetrics(accept)
        ? openMetricsText(registry)
        : { contentType: registry.contentType, text: await registry.metrics() },
    queueLabel: (queue) => queues.value(queue),
    typeLabel: (type) => types.value(type),
    onScript: scriptTimer(scripts),
    setRedisUp: (up) => redisUp.set(up ? 1 : 0),
    observeHttp: http === undefined ? () => {} : requestTimer(http),
    plainCounter: (name, help, labelNames) =>
      new PlainCounter(registry, `holdfast_${name}`, help, labelNames),
    plainHistogram,
    counter,
    gauge,
    histogram,
  };
}
