import { ERROR_STATUS, HoldfastError, isQueueName, LIMITS, type TaskView } from "@holdfast/contracts";
import type { EnqueueReceipt, EnqueueResult, Queue } from "holdfast";
import { Type } from "typebox";
import { RequestError, retryAfterSeconds } from "../http/problem.ts";
import type { HttpServer } from "../http/server.ts";
import type { IntakeMetrics } from "./metrics.ts";
import { type ReadTask, readTask, readTaskArray, readTaskLines } from "./read.ts";
import {
  type BatchResult,
  batchResultSchema,
  batchSchema,
  cancelSchema,
  newTaskSchema,
  problemSchema,
  queueParams,
  receiptSchema,
  taskParams,
  waitQuery,
} from "./schema.ts";
import { taskViewSchema } from "./view-schema.ts";

type TaskQueue = Pick<Queue, "enqueueMany" | "wait" | "get" | "cancel" | "enqueueText">;

export interface TaskRouteOptions {
  /** The queue of that name; called per request, so it should keep what it makes. */
  queue(name: string): TaskQueue;
  /** Throws where tasks cannot be taken now, as before the boot checks of Redis have passed. */
  assertOpen?(): void;
  metrics?: IntakeMetrics;
  /** Leaves out `GET /v1/queues/:queue/tasks/:id`, for a service that has its own. */
  withoutGet?: boolean;
}

// Beside the payload: options, tags, and room for escapes.
const BODY_LIMIT_BYTES = LIMITS.payloadBytes * 2;
const BATCH_LIMIT_BYTES = 16 * 1_024 * 1_024;

/** Enqueue, batch, get and cancel: the routes of producer-api, which observability serves as well. */
export function registerTaskRoutes(app: HttpServer, options: TaskRouteOptions): void {
  const { metrics } = options;
  const closing = new AbortController();
  // Long-polls end at once when the server stops, or they would hold it for 30 s.
  app.addHook("preClose", async () => closing.abort());

  const open = (name: string): TaskQueue => {
    options.assertOpen?.();
    if (!isQueueName(name)) {
      throw new HoldfastError("invalid_queue_name", 'a queue name must not contain ".."');
    }
    return options.queue(name);
  };

  app.post(
    "/v1/queues/:queue/tasks",
    {
      config: { rawBody: true },
      bodyLimit: BODY_LIMIT_BYTES,
      // The body is read as text by `readTask`; its schema is for the API description.
      validatorCompiler: exceptBody(app),
      schema: {
        tags: ["tasks"],
        summary: "Enqueue a task",
        params: queueParams,
        headers: Type.Object({
          "idempotency-key": Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
        }),
        body: newTaskSchema,
        response: { 201: receiptSchema, 200: receiptSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue: name } = request.params;
      try {
        const queue = open(name);
        const { task, bytes } = readTask(bodyBytes(request.body), request.headers["idempotency-key"]);
        const [result] = await queue.enqueueMany([task]);
        if (result === undefined) throw new HoldfastError("internal", "an enqueue without a result");
        metrics?.enqueued(name, task.type, bytes, result);
        if (!result.ok) throw result.error;
        const { id, state, duplicate, durability } = result.receipt;
        reply.header("location", `/v1/queues/${name}/tasks/${id}`);
        if (duplicate) reply.header("idempotent-replayed", "true");
        return reply.code(duplicate ? 200 : 201).send({ id, state, durability });
      } catch (error) {
        metrics?.rejected(name, error);
        throw error;
      }
    },
  );

  app.post(
    "/v1/queues/:queue/tasks/batch",
    {
      config: { rawBody: true },
      bodyLimit: BATCH_LIMIT_BYTES,
      validatorCompiler: exceptBody(app),
      schema: {
        tags: ["tasks"],
        summary: "Enqueue up to 1,000 tasks",
        description:
          "A JSON array, or one task per line as application/x-ndjson. Each task has its own result.",
        consumes: ["application/json", "application/x-ndjson"],
        params: queueParams,
        body: batchSchema,
        response: { 207: batchResultSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue: name } = request.params;
      let items: ReadTask[];
      let queue: TaskQueue;
      try {
        queue = open(name);
        if (request.headers["idempotency-key"] !== undefined) {
          throw new RequestError(
            "invalid_request",
            "Idempotency-Key is for one task: give each task of a batch an id",
          );
        }
        const isLines = /ndjson/i.test(request.headers["content-type"] ?? "");
        const bytes = bodyBytes(request.body);
        items = isLines ? readTaskLines(bytes) : readTaskArray(bytes);
      } catch (error) {
        metrics?.rejected(name, error);
        throw error;
      }
      const { body, retryAfter } = await enqueueItems(name, queue, items, metrics);
      if (retryAfter > 0) reply.header("retry-after", String(retryAfter));
      return reply.code(207).send(body);
    },
  );

  if (!options.withoutGet) {
    app.get(
      "/v1/queues/:queue/tasks/:id",
      {
        schema: {
          tags: ["tasks"],
          summary: "State, attempts and result of a task",
          params: taskParams,
          querystring: waitQuery,
          response: { 200: taskViewSchema, default: problemSchema },
        },
      },
      async (request, reply) => {
        const { queue: name, id } = request.params;
        const { waitMs } = request.query;
        const queue = open(name);
        const signal = untilGone(reply.raw, closing.signal);
        const task = await (waitMs > 0 ? waitOrGet(queue, id, waitMs, signal) : queue.get(id));
        if (task === null) throw unknownTask(name, id);
        return task;
      },
    );
  }

  app.delete(
    "/v1/queues/:queue/tasks/:id",
    {
      schema: {
        tags: ["tasks"],
        summary: "Cancel a task",
        description:
          "200: cancelled. 202: it is running, its worker has been asked. 409: it has already ended.",
        params: taskParams,
        response: { 200: cancelSchema, 202: cancelSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue: name, id } = request.params;
      const outcome = await open(name).cancel(id);
      switch (outcome) {
        case "cancelled":
          return reply.code(200).send({ id, outcome });
        case "requested":
          return reply.code(202).send({ id, outcome });
        case "too_late":
          throw new HoldfastError("too_late", `task ${id} has already ended`, { taskId: id });
        case "not_found":
          throw unknownTask(name, id);
        default:
          throw new HoldfastError("internal", `unknown outcome ${String(outcome satisfies never)}`);
      }
    },
  );
}

async function enqueueItems(
  name: string,
  queue: TaskQueue,
  items: ReadTask[],
  metrics: IntakeMetrics | undefined,
): Promise<{ body: BatchResult; retryAfter: number }> {
  const good = items.filter((item) => item.ok);
  const enqueued = good.length === 0 ? [] : await queue.enqueueMany(good.map((item) => item.task));
  const body: BatchResult = { accepted: 0, duplicates: 0, failed: 0, results: [] };
  let retryAfter = 0;
  let next = 0;
  for (const item of items) {
    const result: EnqueueResult | { ok: false; id?: null; error: HoldfastError } = item.ok
      ? (enqueued[next++] ?? {
          ok: false,
          error: new HoldfastError("internal", "an enqueue without a result"),
        })
      : item;
    if (item.ok) metrics?.enqueued(name, item.task.type, item.bytes, result);
    if (result.ok) {
      body.results.push(accepted(result.receipt));
      if (result.receipt.duplicate) body.duplicates++;
      else body.accepted++;
      continue;
    }
    const { error } = result;
    metrics?.rejected(name, error);
    body.failed++;
    // One answer for the whole: the longest of the waits.
    retryAfter = Math.max(retryAfter, retryAfterSeconds(error) ?? 0);
    const id = result.id ?? error.taskId;
    body.results.push({
      status: ERROR_STATUS[error.code],
      ...(id === undefined ? {} : { id }),
      code: error.code,
      detail: error.message,
    });
  }
  return { body, retryAfter };
}

function accepted({ id, state, duplicate, durability }: EnqueueReceipt): BatchResult["results"][number] {
  return { status: duplicate ? 200 : 201, id, state, durability };
}

function unknownTask(queue: string, id: string): HoldfastError {
  return new HoldfastError("task_not_found", `queue ${queue} has no task ${id} (or it was purged)`);
}

function bodyBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  throw new RequestError("invalid_json", "the body is empty: send a task as application/json");
}

/** A wait that is cut short answers with the task as it is now. */
async function waitOrGet(
  queue: TaskQueue,
  id: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<TaskView | null> {
  try {
    return await queue.wait(id, { waitMs, signal });
  } catch (error) {
    if (signal.aborted) return queue.get(id);
    throw error;
  }
}

/** Aborts when the response is over (sent, or the client hung up) or the server closes. */
function untilGone(response: NodeJS.EventEmitter, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const abort = () => {
    closing.removeEventListener("abort", abort);
    gone.abort();
  };
  response.once("close", abort);
  closing.addEventListener("abort", abort);
  if (closing.aborted) abort();
  return gone.signal;
}

function exceptBody(app: HttpServer): NonNullable<HttpServer["validatorCompiler"]> {
  const compile = app.validatorCompiler;
  return (route) => (route.httpPart === "body" || !compile ? () => true : compile(route));
}
