import { fileURLToPath } from "node:url";
import { freePort, type ServiceProcess, startService, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { Observer, Queue } from "../../packages/holdfast/dist/index.js";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.ts";

const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const traceparent = `00-${CALLER.traceId}-${CALLER.spanId}-01`;
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const main = (service: string) => path(`../../services/${service}/dist/main.js`);

const prefix = `tracing-${process.pid}-${Date.now()}`;
let collector: OtlpReceiver;
let queue: Queue;
let observer: Observer;
let api: string;
let metricsUrl: string;
let worker: ServiceProcess;
const services: ServiceProcess[] = [];

beforeAll(async () => {
  collector = await startOtlpReceiver();
  const redis = inject("holdfastRedisUrl");
  const [port, metricsPort] = [await freePort(), await freePort()];
  const shared = {
    REDIS_URL: redis,
    QUEUE_PREFIX: prefix,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "50",
  };
  services.push(startService(main("producer-api"), { ...shared, PORT: String(port) }));
  worker = startService(main("worker"), {
    ...shared,
    QUEUES: "traced",
    METRICS_PORT: String(metricsPort),
    HANDLERS: path("fixtures/handlers.mjs"),
    BACKOFF_BASE_MS: "1",
    OTEL_SERVICE_NAME: "my-workers",
  });
  services.push(worker);
  for (const service of services) await service.says('"started"', 60_000);
  api = `http://127.0.0.1:${port}/v1/queues/traced/tasks`;
  metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
  queue = new Queue("traced", { redis, prefix });
  observer = new Observer({ redis, prefix });
}, 120_000);

afterAll(async () => {
  await queue?.close();
  await observer?.close();
  await Promise.all(services.map((service) => service.kill()));
  await collector?.stop();
});

async function post(body: unknown, headers: Record<string, string> = {}, route = ""): Promise<string> {
  const response = await fetch(api + route, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  expect(response.status).toBeLessThan(300);
  const answer = (await response.json()) as { id: string; results?: { id: string }[] };
  return answer.results?.[0]?.id ?? answer.id;
}

const enqueueOf = (id: string) =>
  collector.span(
    `the enqueue of ${id}`,
    (s) => s.kind === "producer" && s.attributes["messaging.message.id"] === id,
  );
const attemptOf = (id: string, attempt: number, generation = 0) =>
  collector.span(
    `attempt ${attempt}/${generation} of ${id}`,
    (s) =>
      s.attributes["messaging.message.id"] === id &&
      s.attributes["holdfast.attempt"] === attempt &&
      s.attributes["holdfast.generation"] === generation,
  );
const placeOf = ({ traceId, spanId }: ReceivedSpan) => ({ traceId, spanId });

test("an enqueue over HTTP and two attempts are in the trace of the caller, and the retry links to the failed attempt", async () => {
  const id = await post(
    { type: "trace.flaky", payload: {} },
    { traceparent, tracestate: "vendor=a b,other=1" },
  );
  const [enqueue, first, second] = [await enqueueOf(id), await attemptOf(id, 1), await attemptOf(id, 2)];

  expect(enqueue).toMatchObject({
    service: "holdfast-producer-api",
    name: "enqueue traced",
    kind: "producer",
    traceId: CALLER.traceId,
    parentSpanId: CALLER.spanId,
    status: "ok",
    attributes: {
      "messaging.system": "holdfast",
      "messaging.destination.name": "traced",
      "messaging.operation.name": "enqueue",
      "messaging.operation.type": "send",
      "holdfast.task.type": "trace.flaky",
    },
  });
  for (const attempt of [first, second]) {
    expect(attempt).toMatchObject({
      service: "my-workers",
      name: "process traced",
      kind: "consumer",
      traceId: CALLER.traceId,
      parentSpanId: enqueue.spanId,
      traceState: "vendor=a b,other=1",
      attributes: {
        "messaging.system": "holdfast",
        "messaging.destination.name": "traced",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.body.size": 2,
      },
    });
    expect(attempt.startMs).toBeGreaterThanOrEqual(enqueue.startMs);
    expect(attempt.endMs).toBeGreaterThanOrEqual(attempt.startMs);
  }
  expect(first).toMatchObject({
    status: "error",
    attributes: { "error.type": "TypeError", "holdfast.outcome": "retried" },
    links: [],
  });
  expect(first.events.map(({ name }) => name)).toEqual(["log", "exception"]);
  expect(second).toMatchObject({ status: "ok", attributes: { "holdfast.outcome": "acked" } });
  expect(second.links).toEqual([{ ...placeOf(first), attributes: { "holdfast.link": "retry" } }]);

  const task = await queue.get(id);
  expect(task).toMatchObject({ state: "completed", traceId: CALLER.traceId });
  expect(task?.history[0]?.error).toMatch(/^TypeError: the first attempt fails/);
  expect(task?.log).toEqual([`attempt 1 of trace ${CALLER.traceId}`, `attempt 2 of trace ${CALLER.traceId}`]);
  expect(JSON.parse(task?.resultText ?? "")).toEqual({
    traceId: CALLER.traceId,
    traceparent: `00-${CALLER.traceId}-${second.spanId}-01`,
  });
});

test("a replay continues the trace of the enqueue, and links to the attempt that failed for good", async () => {
  const id = await post({ type: "trace.doomed", payload: 1, maxRetries: 0 });
  const died = await attemptOf(id, 1);
  await until("the task is dead", async () => (await queue.get(id))?.state === "dead");
  expect(await observer.replay("traced", [id])).toEqual([{ id, outcome: "replayed" }]);
  const replayed = await attemptOf(id, 1, 1);
  const enqueue = await enqueueOf(id);
  expect(enqueue.parentSpanId).toBe("");
  expect(died).toMatchObject({ parentSpanId: enqueue.spanId, attributes: { "holdfast.outcome": "dead" } });
  expect(replayed).toMatchObject({
    traceId: enqueue.traceId,
    parentSpanId: enqueue.spanId,
    status: "ok",
    attributes: { "holdfast.outcome": "acked" },
  });
  expect(replayed.links).toEqual([{ ...placeOf(died), attributes: { "holdfast.link": "replay" } }]);
});

test.each([
  [
    "a batch on the fast lane",
    [
      { type: "trace.plain", payload: 1 },
      { type: "trace.plain", payload: 2 },
    ],
    {},
    "/batch",
  ],
  ["lines", { type: "trace.plain", payload: 1 }, { "content-type": "application/x-ndjson" }, "/batch"],
  [
    "a single task on the Fastify route",
    { type: "trace.plain", payload: 1 },
    { "content-encoding": "identity" },
    "",
  ],
])("uses the traceparent of %s", async (_what, body, headers, route) => {
  const caller = { traceId: crypto.randomUUID().replaceAll("-", ""), spanId: "00f067aa0ba902b7" };
  const id = await post(body, { ...headers, traceparent: `00-${caller.traceId}-${caller.spanId}-01` }, route);
  const enqueue = await collector.span(
    "its enqueue",
    (s) => s.kind === "producer" && s.traceId === caller.traceId,
  );
  expect(enqueue.parentSpanId).toBe(caller.spanId);
  expect(enqueue.attributes["messaging.batch.message_count"]).toBe(
    Array.isArray(body) && body.length > 1 ? body.length : undefined,
  );
  expect((await attemptOf(id, 1)).parentSpanId).toBe(enqueue.spanId);
});

test("an invalid or missing traceparent begins a new trace", async () => {
  const id = await post({ type: "trace.plain", payload: 1 }, { traceparent: "00-not-a-trace-01" });
  expect((await enqueueOf(id)).parentSpanId).toBe("");
});

test("the same Idempotency-Key with another traceparent returns the same task", async () => {
  const body = { type: "trace.plain", payload: 1 };
  const first = await post(body, { traceparent, "idempotency-key": "k1" });
  const again = await post(body, {
    traceparent: traceparent.replace("b7ad", "b7ae"),
    "idempotency-key": "k1",
  });
  expect(again).toBe(first);
});

test("a trace that the caller did not sample sends no spans, neither for the enqueue nor for the attempts", async () => {
  const traceId = crypto.randomUUID().replaceAll("-", "");
  const id = await post(
    { type: "trace.flaky", payload: 1 },
    { traceparent: `00-${traceId}-00f067aa0ba902b7-00` },
  );
  const sampled = await post({ type: "trace.plain", payload: 1 });
  await queue.result(id, { waitMs: 15_000 });
  expect(await queue.get(id)).toMatchObject({ state: "completed", traceId });
  await attemptOf(sampled, 1);
  expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
});

test("the histograms of the worker have exemplars with a trace id, but only in the OpenMetrics format", async () => {
  const id = await post({ type: "trace.plain", payload: 1 }, { traceparent });
  await attemptOf(id, 1);
  const read = async (accept: string) => {
    const response = await fetch(metricsUrl, { headers: { accept } });
    return { type: response.headers.get("content-type"), text: await response.text() };
  };
  const open = await read("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
  expect(open.type).toMatch(/^application\/openmetrics-text/);
  for (const name of ["task_wait_seconds", "task_run_seconds"]) {
    expect(open.text).toMatch(
      new RegExp(
        `^holdfast_${name}_bucket\\{.*type="trace.plain".*\\} \\d+ # \\{trace_id="[0-9a-f]{32}"\\} [0-9.e-]+ `,
        "m",
      ),
    );
  }
  expect(open.text).toContain("# TYPE holdfast_task_attempts counter");
  expect(open.text).toMatch(/^holdfast_task_attempts_total\{/m);
  expect(open.text.endsWith("# EOF\n")).toBe(true);
  const plain = await read("text/plain");
  expect(plain.type).toMatch(/^text\/plain/);
  expect(plain.text).not.toContain("trace_id");
  expect(plain.text).toContain("# TYPE holdfast_task_attempts_total counter");
});
