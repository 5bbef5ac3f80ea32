import type { Metric, Registry } from "prom-client";

/**
 * Counters and histograms that are updated with every request. prom-client would hash an object of labels for each
 * observation. Here the caller looks a series up once and then counts in it. The output for Prometheus is the same.
 */
type Labels = Record<string, string>;

interface Value {
  labels: Record<string, string | number>;
  value: number;
  metricName?: string;
}

abstract class PlainMetric<S> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  abstract readonly type: "counter" | "histogram";
  readonly aggregator = "sum";
  readonly #series = new Map<string, { labels: Labels; series: S }>();

  constructor(registry: Registry, name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    // The registry uses only `name` and `get` of a metric.
    registry.registerMetric(this as unknown as Metric);
  }

  /** @param values label values in the order of the labels. Combinations are kept for ever: there must be few. */
  of(...values: string[]): S {
    const key = values.join("\n");
    let found = this.#series.get(key);
    if (found === undefined) {
      const labels = Object.fromEntries(this.labelNames.map((label, i) => [label, values[i] ?? ""]));
      found = { labels, series: this.make() };
      this.#series.set(key, found);
    }
    return found.series;
  }

  protected abstract make(): S;
  protected abstract values(labels: Labels, series: S): Value[];

  async get() {
    const values = [...this.#series.values()].flatMap(({ labels, series }) => this.values(labels, series));
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }
}

export class PlainCounter extends PlainMetric<{ count: number }> {
  readonly type = "counter" as const;

  protected make() {
    return { count: 0 };
  }

  protected values(labels: Labels, { count }: { count: number }): Value[] {
    return [{ labels, value: count }];
  }
}

/** The observations of one combination of label values. */
export class BucketSeries {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + 1;
    this.sum += value;
  }
}

export class PlainHistogram extends PlainMetric<BucketSeries> {
  readonly type = "histogram" as const;
  readonly #bounds: readonly number[];

  constructor(
    registry: Registry,
    name: string,
    help: string,
    labelNames: readonly string[],
    bounds: readonly number[],
  ) {
    super(registry, name, help, labelNames);
    this.#bounds = bounds;
  }

  protected make() {
    return new BucketSeries(this.#bounds);
  }

  protected values(labels: Labels, { counts, sum }: BucketSeries): Value[] {
    let below = 0;
    const buckets = counts.map((count, at) => {
      below += count;
      const le = this.#bounds[at] ?? "+Inf";
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: below },
    ];
  }
}

/** @param scripts has the label `script` */
export function scriptTimer(scripts: PlainHistogram): (script: string, seconds: number) => void {
  return (script, seconds) => scripts.of(script).observe(seconds);
}

/** @param requests has the labels `method`, `route` and `status_class` */
export function requestTimer(
  requests: PlainHistogram,
): (method: string, route: string, status: number, seconds: number) => void {
  // Most requests have the same labels as the request before.
  let last = { method: "", route: "", statusClass: 0, series: undefined as BucketSeries | undefined };
  return (method, route, status, seconds) => {
    const statusClass = Math.floor(status / 100);
    if (statusClass !== last.statusClass || route !== last.route || method !== last.method) {
      last = { method, route, statusClass, series: requests.of(method, route, `${statusClass}xx`) };
    }
    last.series?.observe(seconds);
  };
}
