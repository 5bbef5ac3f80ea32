import { type Static, Type } from "typebox";
import { createErrorLog } from "../error-log.ts";
import { type Logger, setLogFields } from "../logger.ts";
import type { ServiceTracing } from "./sdk.ts";

/**
 * Settings for tracing, which are part of the schema of every service that traces. The SDK itself reads the other
 * OTEL_* variables.
 */
export const tracingConfig = {
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      pattern: "^https?://.+",
      description:
        "Address for spans, by OTLP over HTTP: `http://collector:4318`. Not set: no tracing. The other OTEL_* variables of the OpenTelemetry SDK apply.",
    }),
  ),
};

const tracingObject = Type.Object(tracingConfig);
export type TracingConfig = Static<typeof tracingObject>;

/** Starts tracing if it is configured. Otherwise returns undefined, and does not load the SDK. */
export async function startTracing(
  config: TracingConfig,
  service: { name: string; version: string },
  logger: Logger,
): Promise<ServiceTracing | undefined> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return undefined;
  const { openSdk, activeSpanFields } = await import("./sdk.ts");
  const sdk = openSdk(service, createErrorLog(logger, "tracing"));
  setLogFields(activeSpanFields);
  logger.info({ endpoint: new URL(endpoint).origin }, "traces are exported");
  return sdk;
}
