import { type HandlerContext, type Handlers, type HandlerTask, Worker, type WorkerOptions } from "holdfast";
import type { Endpoint } from "./endpoints-file.ts";
import { conclude, type LaterTasks } from "./later.ts";
import { endAttempt, type Sender } from "./sender.ts";

/** Makes the worker of an endpoint. Its handler sends each task to the endpoint. */
export function endpointWorker(
  endpoint: Endpoint,
  { sender, later }: { sender: Sender; later: LaterTasks },
  options: Pick<WorkerOptions, "redis" | "prefix" | "onScript" | "tracing" | "version" | "leaseMs">,
): Worker {
  const handler = async (task: HandlerTask, ctx: HandlerContext) => {
    const expected = later.expect(endpoint.name, task.id, ctx.token);
    try {
      // The endpoint may report the end of the task before its answer was read.
      return await Promise.race([
        expected.settlement.then(conclude),
        sender
          .send(endpoint, task.id, requestBody(task, ctx), ctx)
          .then((meaning) =>
            meaning.outcome === "later" ? untilAborted(ctx.signal) : endAttempt(meaning, "type"),
          ),
      ]);
    } finally {
      expected.forget();
    }
  };
  const entry = {
    handler,
    timeoutMs: endpoint.laterMs,
    maxRetries: endpoint.maxRetries,
    backoff: endpoint.backoff,
  };
  const handlers: Handlers = Object.fromEntries(endpoint.types.map((type) => [type, entry]));
  return new Worker(endpoint.queue, handlers, { ...options, concurrency: endpoint.concurrency });
}

/** The body of the request. The payload keeps the bytes with which it was enqueued. */
function requestBody(task: HandlerTask, ctx: Pick<HandlerContext, "token">): string {
  const { id, queue, type, attempt, enqueuedAt, tags } = task;
  const head = JSON.stringify({ id, queue, type, attempt, token: ctx.token, enqueuedAt, tags });
  return `${head.slice(0, -1)},"payload":${task.payloadText}}`;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
