import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "@holdfast/testing";
import protobuf from "protobufjs";

// The messages of opentelemetry-proto that contain spans. The decoder skips fields that are not listed here.
const PROTO = `
syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
  int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; repeated Event events = 11; repeated Link links = 13; Status status = 15;
}
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;
const requestType = protobuf.parse(PROTO, { keepCase: false }).root.lookupType("Request");

interface RawAttribute {
  key: string;
  value?: { stringValue?: string; boolValue?: boolean; intValue?: string; doubleValue?: number };
}

export type Attributes = Record<string, string | number | boolean | undefined>;

/** A span as the collector received it. */
export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: "producer" | "consumer" | "other";
  attributes: Attributes;
  links: { traceId: string; spanId: string; attributes: Attributes }[];
  events: { name: string; attributes: Attributes }[];
  /** "ok" stands for both the status OK and an unset status. */
  status: "ok" | "error";
  startMs: number;
  endMs: number;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Waits for a span that matches. @param what names the span in the error */
  span(what: string, match: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  stop(): Promise<void>;
}

/** Starts a collector that receives spans as protobuf, by OTLP over HTTP. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const isOurs = request.method === "POST" && request.url === "/v1/traces";
      const isProtobuf = request.headers["content-type"] === "application/x-protobuf";
      if (!isOurs || !isProtobuf) return response.writeHead(404).end();
      spans.push(...decode(Buffer.concat(chunks)));
      return response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async span(what, match) {
      await until(`the collector has ${what}`, () => spans.some(match), 20_000);
      return spans.find(match) as ReceivedSpan;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function decode(body: Buffer): ReceivedSpan[] {
  const { resourceSpans = [] } = requestType.toObject(requestType.decode(body), { longs: String }) as {
    resourceSpans?: {
      resource?: { attributes?: RawAttribute[] };
      scopeSpans?: { spans?: Record<string, never>[] }[];
    }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(attributesOf(resource?.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((raw) => spanOf(service, raw)));
  });
}

function spanOf(service: string, raw: Record<string, unknown>): ReceivedSpan {
  const hex = (bytes: unknown) => Buffer.from((bytes as Uint8Array) ?? []).toString("hex");
  const milliseconds = (nanoseconds: unknown) => Number(nanoseconds) / 1e6;
  const list = (value: unknown) => (value ?? []) as Record<string, unknown>[];
  return {
    service,
    traceId: hex(raw.traceId),
    spanId: hex(raw.spanId),
    parentSpanId: hex(raw.parentSpanId),
    traceState: String(raw.traceState ?? ""),
    name: String(raw.name),
    kind: raw.kind === 4 ? "producer" : raw.kind === 5 ? "consumer" : "other",
    attributes: attributesOf(raw.attributes),
    links: list(raw.links).map((link) => ({
      traceId: hex(link.traceId),
      spanId: hex(link.spanId),
      attributes: attributesOf(link.attributes),
    })),
    events: list(raw.events).map((event) => ({
      name: String(event.name),
      attributes: attributesOf(event.attributes),
    })),
    status: (raw.status as { code?: number } | undefined)?.code === 2 ? "error" : "ok",
    startMs: milliseconds(raw.startTimeUnixNano),
    endMs: milliseconds(raw.endTimeUnixNano),
  };
}

function attributesOf(list: unknown): Attributes {
  return Object.fromEntries(
    ((list ?? []) as RawAttribute[]).map(({ key, value = {} }) => [
      key,
      value.stringValue ??
        value.boolValue ??
        (value.intValue === undefined ? value.doubleValue : Number(value.intValue)),
    ]),
  );
}
