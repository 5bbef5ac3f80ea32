import { type Metric, Registry } from "prom-client";

interface Shown {
  name: string;
}
interface Readable extends Shown {
  type: string;
  get(): Promise<Shown>;
  getForPromString?(): Promise<Shown>;
}

/** Prometheus asks for this format first, and accepts exemplars in no other. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes("application/openmetrics-text") === true;
}

/**
 * The registry in the OpenMetrics format. For this format prom-client would permanently remove `_total` from the names
 * of counters, so it gets stand-ins: the next scrape may ask for the other format.
 */
export async function openMetricsText(registry: Registry): Promise<{ contentType: string; text: string }> {
  const shown = new Registry();
  // The types of prom-client allow this only for a registry of this format.
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
