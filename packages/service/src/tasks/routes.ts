import { HoldfastError, isQueueName, LIMITS, type TaskView } from "@holdfast/contracts";
import { CancelReply, TaskReceipt } from "@holdfast/contracts/api";
import type { FastifyRequest } from "fastify";
import { type Queue, traceContextOf } from "holdfast";
import { Type } from "typebox";
import { RequestError } from "../http/problem.ts";
import type { HttpServer } from "../http/types.ts";
import { enqueueItems, receiptBody, statusOf } from "./intake.ts";
import {
  answerAsDocument,
  answerAsLines,
  LINE_HELP,
  type LineTotals,
  readTaskStream,
  whileAllowed,
} from "./lines.ts";
import type { IntakeMetrics } from "./metrics.ts";
import type { NewQueues } from "./new-queues.ts";
import { emptyBatch, LINE_LIMIT_BYTES, type ReadTask, readTask, readTaskArray } from "./read.ts";
import {
  batchResultSchema,
  batchSchema,
  DUPLICATE_HELP,
  newTaskSchema,
  problemSchema,
  queueParams,
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
  /** Limits how many queues a key makes. @default no limit */
  newQueues?: Pick<NewQueues, "isKnown" | "admit"> | undefined;
  metrics?: IntakeMetrics;
  /** Leaves out `GET /v1/queues/:queue/tasks/:id`, for a service that has its own. */
  withoutGet?: boolean;
}

export const BODY_LIMIT_BYTES = LINE_LIMIT_BYTES;
export const BATCH_LIMIT_BYTES = 16 * 1_024 * 1_024;

const JSON_TYPE = "application/json; charset=utf-8";

/** What became of the lines of a request whose answer is a stream, for hooks that look at it afterwards. */
export const streamedTotals = new WeakMap<object, LineTotals>();

/** Enqueue, batch, get and cancel: the routes of producer-api, which observability serves as well. */
export function registerTaskRoutes(app: HttpServer, options: TaskRouteOptions): void {
  const { metrics, newQueues } = options;
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

  const limited = (
    { identity, ip }: Pick<FastifyRequest, "identity" | "ip">,
    queue: TaskQueue,
  ): Pick<TaskQueue, "enqueueMany"> => app.basics.conflictsFor(identity)?.limit(queue, identity, ip) ?? queue;

  app.post(
    "/v1/queues/:queue/tasks",
    {
      config: { rawBody: true, scope: "enqueue" },
      bodyLimit: BODY_LIMIT_BYTES,
      // The body is read as text by `readTask`; its schema is for the API description.
      validatorCompiler: exceptBody(app),
      schema: {
        tags: ["tasks"],
        summary: "Enqueue a task",
        description: `201: stored. ${DUPLICATE_HELP} The repeat of a request with an Idempotency-Key is answered 200 for as long as the key is remembered, however its task ended.`,
        params: queueParams,
        headers: Type.Object({
          "idempotency-key": Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
        }),
        body: newTaskSchema,
        response: { 201: TaskReceipt, 200: TaskReceipt, 208: TaskReceipt, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue: name } = request.params;
      try {
        const queue = limited(request, open(name));
        const { task, bytes } = readTask(bodyBytes(request.body), request.headers["idempotency-key"]);
        await newQueues?.admit(name, request);
        const [result] = await queue.enqueueMany([task], { trace: traceContextOf(request.headers) });
        if (result === undefined) throw new HoldfastError("internal", "an enqueue without a result");
        if (!result.ok) throw result.error;
        const { id, duplicate } = result.receipt;
        metrics?.enqueued(name, task.type, bytes, duplicate);
        reply.header("location", `/v1/queues/${name}/tasks/${id}`);
        if (duplicate) reply.header("idempotent-replayed", "true");
        const hasKey = request.headers["idempotency-key"] !== undefined;
        return reply.code(statusOf(result.receipt, hasKey)).send(receiptBody(result.receipt));
      } catch (error) {
        metrics?.rejected(name, error);
        throw error;
      }
    },
  );

  app.post(
    "/v1/queues/:queue/tasks/batch",
    {
      config: { rawBody: true, lines: true, scope: "enqueue" },
      bodyLimit: BATCH_LIMIT_BYTES,
      validatorCompiler: exceptBody(app),
      schema: {
        tags: ["tasks"],
        summary: "Enqueue many tasks",
        description: `A JSON array of up to ${LIMITS.batchTasks} tasks, or any number of tasks as application/x-ndjson, one per line: lines are stored as they arrive, and those that were stored stay stored where the request breaks off. ${LINE_HELP} Each task has its own result. Where the key is revoked meanwhile the last result is 401, and nothing after it is stored. With \`Accept: application/x-ndjson\` the results are lines too, sent while the body still arrives: read them while you write.`,
        consumes: ["application/json", "application/x-ndjson"],
        params: queueParams,
        body: batchSchema,
        response: { 207: batchResultSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue: name } = request.params;
      let blocks: AsyncGenerator<ReadTask[]>;
      let items: ReadTask[] | undefined;
      let queue: Pick<TaskQueue, "enqueueMany">;
      const watch = app.basics.watch(request);
      reply.raw.once("close", watch.end);
      const { accept = "", "content-type": type = "", "idempotency-key": key } = request.headers;
      const wantsLines = /\bndjson\b|x-ndjson/i.test(accept);
      try {
        queue = limited(request, open(name));
        if (key !== undefined) {
          throw new RequestError(
            "invalid_request",
            "Idempotency-Key is for one task: give each task of a batch an id",
          );
        }
        const isStream = /ndjson/i.test(type);
        if (isStream) app.basics.allowLongBody(request.raw, reply.raw);
        blocks = isStream
          ? whileAllowed(
              readTaskStream((request.body ?? []) as unknown as AsyncIterable<Buffer>, wantsLines),
              watch,
            )
          : oneBlock(readTaskArray(bodyBytes(request.body)));
        items = (await blocks.next()).value;
        if (items === undefined) throw emptyBatch();
        // Good lines may follow where the first ones are wrong.
        if (isStream || items.some(({ ok }) => ok)) await newQueues?.admit(name, request);
      } catch (error) {
        metrics?.rejected(name, error);
        throw error;
      }
      const totals = { accepted: 0, duplicates: 0, failed: 0 };
      const trace = traceContextOf(request.headers);
      const intake = { name, queue, metrics, trace, blocks, totals };
      if (wantsLines) {
        streamedTotals.set(request, totals);
        const lines: unknown = answerAsLines(intake, items);
        return reply
          .code(207)
          .type("application/x-ndjson")
          .send(lines as never);
      }
      const { body, retryAfter } = await enqueueItems(name, queue, items, metrics, trace);
      const next = await blocks.next();
      if (!next.done) {
        streamedTotals.set(request, totals);
        const document: unknown = answerAsDocument(intake, body, next.value);
        return reply
          .code(207)
          .type(JSON_TYPE)
          .send(document as never);
      }
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
          description:
            "404: no task has the id. 410, with waitMs: the task ended and the queue keeps nothing of it, or keeps no ended tasks at all (a retention of 0).",
          params: taskParams,
          querystring: waitQuery,
          response: { 200: taskViewSchema, default: problemSchema },
        },
      },
      async (request, reply) => {
        const { queue: name, id } = request.params;
        const { waitMs } = request.query;
        const queue = open(name);
        const wait = async () => {
          const watch = app.basics.watch(request);
          const denied = new AbortController();
          watch.onDenied = () => denied.abort();
          try {
            const signal = untilGone(reply.raw, closing.signal, denied.signal);
            const task = await waitOrGet(queue, id, waitMs, signal);
            // However the wait ended: the answer is for somebody who may have it now.
            watch.recheck();
            return task;
          } finally {
            watch.end();
          }
        };
        const task = await (waitMs > 0 ? wait() : queue.get(id));
        if (task === null) throw unknownTask(name, id);
        return task;
      },
    );
  }

  app.delete(
    "/v1/queues/:queue/tasks/:id",
    {
      config: { scope: "enqueue" },
      schema: {
        tags: ["tasks"],
        summary: "Cancel a task",
        description:
          "200: cancelled. 202: it is running, its worker has been asked. 409: it has already ended.",
        params: taskParams,
        response: { 200: CancelReply, 202: CancelReply, default: problemSchema },
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

async function* oneBlock(items: ReadTask[]): AsyncGenerator<ReadTask[]> {
  yield items;
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

/** Aborts when the response is over (sent, or the client hung up) or one of the signals says so. */
function untilGone(response: NodeJS.EventEmitter, ...signals: AbortSignal[]): AbortSignal {
  const gone = new AbortController();
  const abort = () => {
    for (const signal of signals) signal.removeEventListener("abort", abort);
    gone.abort();
  };
  response.once("close", abort);
  for (const signal of signals) {
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  }
  return gone.signal;
}

function exceptBody(app: HttpServer): NonNullable<HttpServer["validatorCompiler"]> {
  const compile = app.validatorCompiler;
  return (route) => (route.httpPart === "body" || !compile ? () => true : compile(route));
}
