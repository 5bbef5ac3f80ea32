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
  /** Sends what waits, for a few seconds at most. */
  stop(): Promise<void>;
}

const STOP_MS = 3_000;

/**
 * The SDK, with the sampler, limits, headers and time-outs of its own environment variables. Loaded only where it is used.
 * @param onProblem is told of what the SDK complains about, such as a collector that does not answer
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
  // What the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) comes last and wins.
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
  // The context manager: what a handler enqueues belongs to its attempt.
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

/** For the log lines of a handler, and of what it calls. */
export function activeSpanFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
