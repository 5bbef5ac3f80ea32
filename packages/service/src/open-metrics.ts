import { type Metric, Registry } from "prom-client";

interface Shown {
  name: string;
}
interface Readable extends Shown {
  type: string;
  get(): Promise<Shown>;
  getForPromString?(): Promise<Shown>;
}

/** Whether the scraper accepts OpenMetrics, the only format in which Prometheus reads exemplars. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes("application/openmetrics-text") === true;
}

/**
 * Returns the metrics of the registry in the OpenMetrics format. For that, prom-client removes `_total` from the names
 * of counters for good, but a later scrape may need the older format. So prom-client gets copies with the changed
 * names.
 */
export async function openMetricsText(registry: Registry): Promise<{ contentType: string; text: string }> {
  const shown = new Registry();
  // The types of prom-client allow this content type only for a registry that was created with it.
  shown.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  for (const metric of registry.getMetricsAsArray() as unknown as Readable[]) {
    const nameOf = (name: string) => (metric.type === "counter" ? name.replace(/_total$/, "") : name);
    const standIn = {
      name: metric.name,
      type: metric.type,
      async getForPromString() {
        const read = await (metric.getForPromString ? metric.getForPromString() : metric.get());
        return { ...read, name: nameOf(read.name) };
      },
    };
    shown.registerMetric(standIn as unknown as Metric);
  }
  return { contentType: shown.contentType, text: await shown.metrics() };
}
