import { type Metric, Registry } from "prom-client";

interface Shown {
  name: string;
}
interface Readable extends Shown {
  type: string;
  get(): Promise<Shown>;
  getForPromString?(): Promise<Shown>;
}

/** Prometheus asks for it first, and takes exemplars in no other format. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes("application/openmetrics-text") === true;
}

/**
 * The registry in the OpenMetrics format. prom-client takes `_total` off the names of the counters for it, for good:
 * here they are shown through stand-ins, so that the next scrape may ask for the other format.
 */
export async function openMetricsText(registry: Registry): Promise<{ contentType: string; text: string }> {
  const shown = new Registry();
  // Its types allow this only of a registry that was made for it.
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
