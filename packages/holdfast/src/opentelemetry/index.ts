/**
 * The entry point for tracing with OpenTelemetry (docs/tracing.md).
 * @module holdfast/opentelemetry
 */
import {
  type Attributes,
  context,
  createTraceState,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { type TraceContext, traceIdOf } from "../tracing/trace-context.ts";
import type { AttemptAbout, AttemptSpan, EnqueueAbout, EnqueueSpan, Tracing } from "../tracing/tracing.ts";

export type { TraceContext } from "../tracing/trace-context.ts";
export type { Tracing } from "../tracing/tracing.ts";

/** Options of `openTelemetry`. */
export interface OpenTelemetryOptions {
  /** Where the tracer comes from. @default the global tracer provider */
  tracerProvider?: TracerProvider;
}

const SYSTEM = "holdfast";
const BODY_SIZE = "messaging.message.body.size";

/**
 * Creates spans by the messaging conventions of OpenTelemetry: a PRODUCER span for each enqueue or batch, and a
 * CONSUMER span for each attempt, as a child of the enqueue. Use it as the option `tracing` of `Holdfast`, `Queue` or
 * `Worker`.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Tracing {
  const tracer = (options.tracerProvider ?? trace).getTracer("holdfast", "0.1.0");
  return {
    enqueue(about) {
      const parent = about.parent ? remote(about.parent) : context.active();
      const { queue, attributes } = destinationOf(about.queue);
      if (about.type !== undefined) attributes["holdfast.task.type"] = about.type;
      if (about.count !== 1) attributes["messaging.batch.message_count"] = about.count;
      attributes["messaging.operation.name"] = "enqueue";
      attributes["messaging.operation.type"] = "send";
      return new Enqueue(
        tracer.startSpan(`enqueue ${queue}`, { kind: SpanKind.PRODUCER, attributes }, parent),
        about,
      );
    },
    attempt(about) {
      const parent = about.parent ? remote(about.parent) : ROOT_CONTEXT;
      const { queue, attributes } = destinationOf(about.queue);
      attributes["messaging.operation.name"] = "process";
      attributes["messaging.operation.type"] = "process";
      attributes["messaging.message.id"] = about.id;
      attributes["messaging.client.id"] = about.workerId;
      attributes["holdfast.task.type"] = about.type;
      attributes["holdfast.attempt"] = about.attempt;
      attributes["holdfast.generation"] = about.generation;
      const links = linksOf(about);
      const span = tracer.startSpan(
        `process ${queue}`,
        { kind: SpanKind.CONSUMER, attributes, links },
        parent,
      );
      if (span.isRecording()) span.setAttribute(BODY_SIZE, Buffer.byteLength(about.payloadText));
      return new Attempt(span, trace.setSpan(parent, span));
    },
  };
}

/** Splits a name such as `orders/3`, which is partition 3 of the queue `orders`. */
function destinationOf(name: string): { queue: string; attributes: Attributes } {
  const [queue = name, partition] = name.split("/");
  const attributes: Attributes = { "messaging.system": SYSTEM, "messaging.destination.name": queue };
  if (partition !== undefined) attributes["messaging.destination.partition.id"] = partition;
  return { queue, attributes };
}

/**
 * Links an attempt to the attempt before it. If that one left no span, for example after a crash, the first attempt
 * after a replay links to the enqueue.
 */
function linksOf({ parent, previous, attempt, generation }: AttemptAbout): Link[] {
  const isReplay = attempt === 1 && generation > 0;
  const to = previous ?? (isReplay ? parent?.traceparent : undefined);
  if (to === undefined) return [];
  const attributes = { "holdfast.link": isReplay ? "replay" : "retry" };
  return [{ context: spanContextOf({ traceparent: to }), attributes }];
}

function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  return {
    traceId: traceIdOf(traceparent),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53), 16),
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

function remote(parent: TraceContext) {
  return trace.setSpanContext(context.active(), spanContextOf(parent));
}

/** Returns undefined if tracing is off, so that no trace context is stored. */
function contextOf(span: Span): TraceContext | undefined {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  if (!trace.isSpanContextValid({ traceId, spanId, traceFlags })) return undefined;
  const traceparent = `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
  const tracestate = traceState?.serialize();
  return tracestate ? { traceparent, tracestate } : { traceparent };
}

function fail(span: Span, error: unknown): void {
  const isError = error instanceof Error;
  const message = isError ? error.message : String(error);
  const code = isError && "code" in error && typeof error.code === "string" ? error.code : undefined;
  span.setAttribute("error.type", code ?? (isError ? error.name : "_OTHER"));
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  if (isError) span.recordException(error);
}

class Enqueue implements EnqueueSpan {
  readonly context: TraceContext | undefined;
  readonly #span: Span;

  constructor(span: Span, about: EnqueueAbout) {
    this.#span = span;
    this.context = contextOf(span) ?? about.parent;
  }

  end({ id, duplicate, error }: { id?: string; duplicate?: boolean; error?: unknown }): void {
    const span = this.#span;
    if (id !== undefined) span.setAttribute("messaging.message.id", id);
    if (duplicate) span.setAttribute("holdfast.duplicate", true);
    if (error !== undefined) fail(span, error);
    span.end();
  }
}

class Attempt implements AttemptSpan {
  readonly context: TraceContext | undefined;
  readonly #span: Span;
  readonly #within: ReturnType<typeof trace.setSpan>;
  #endedAt: Date | undefined;

  constructor(span: Span, within: ReturnType<typeof trace.setSpan>) {
    this.#span = span;
    this.#within = within;
    this.context = contextOf(span);
  }

  run<T>(handler: () => T): T {
    return context.with(this.#within, handler);
  }

  log(line: string): void {
    this.#span.addEvent("log", { message: line });
  }

  ended(error: unknown): void {
    this.#endedAt = new Date();
    if (error !== undefined) fail(this.#span, error);
  }

  settled(outcome: string): void {
    this.#span.setAttribute("holdfast.outcome", outcome);
    this.#span.end(this.#endedAt);
  }
}
