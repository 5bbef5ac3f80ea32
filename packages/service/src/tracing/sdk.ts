import { DiagLogLevel, diag, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { Tracing } from "holdfast";
import { openTelemetry } from "holdfast/opentelemetry";

export interface ServiceTracing {
  tracing: Tracing;
  /** Sends the buffered spans and stops. This takes a few seconds at most. */
  stop(): Promise<void>;
}

const STOP_MS = 3_000;

/**
 * Starts the OpenTelemetry SDK, which is loaded only if tracing is on. Its sampler, limits, headers and time-outs come
 * from the environment variables of OpenTelemetry.
 * @param onProblem called with errors of the SDK, for example if a collector does not answer
 */
export function openSdk(
  service: { name: string; version: string },
  onProblem: (error: unknown) => void,
): ServiceTracing {
  const complain = (message: string, ...more: unknown[]) =>
    onProblem(new Error([message, ...more].join(" ")));
  const silent = () => {};
  diag.setLogger(
    { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are merged last, so they take precedence.
  const resource = defaultResource()
    .merge(
      resourceFromAttributes({
        "service.name": `holdfast-${service.name}`,
        "service.version": service.version,
        "service.instance.id": String(process.pid),
      }),
    )
    .merge(detectResources({ detectors: [hostDetector, envDetector] }));
  const provider = new NodeTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  // The context manager makes the span of an attempt the parent of the spans that its handler starts, such as those
  // of enqueues.
  provider.register();
  return {
    tracing: openTelemetry({ tracerProvider: provider }),
    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_MS);
      });
      await Promise.race([provider.shutdown().catch(onProblem), late]);
      clearTimeout(timer);
    },
  };
}

/** Returns the ids of the active span, for the log lines of a handler and of the code that it calls. */
export function activeSpanFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
