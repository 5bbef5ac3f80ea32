import { type ChangeResult, type ErrorCode, HoldfastError, LIMITS, type TaskView } from "@holdfast/contracts";
import { CancelReply, ChangeBody, ChangeReply, TaskReceipt } from "@holdfast/contracts/api";
import { checkJson } from "@holdfast/contracts/json";
import { emptyBatch, type ReadTasks } from "@holdfast/contracts/task-json";
import type { FastifyReply, FastifyRequest } from "fastify";
import { traceContextOf } from "holdfast";
import { Type } from "typebox";
import { longPoll } from "../http/long-poll.ts";
import type { HttpServer } from "../http/types.ts";
import { assertNoKey, batchAnswer, readArray, storeArray, storeBlock } from "./batch.ts";
import type { EnqueueQueue } from "./conflicts.ts";
import { registerEventRoute } from "./events.ts";
import { type Answer, Intake, type Posted, type TaskQueue, type TaskRouteOptions } from "./intake.ts";
import { answerAsDocument, answerAsLines, LINE_HELP, readTaskStream, whileAllowed } from "./lines.ts";
import { LINE_LIMIT_BYTES, taskReader } from "./read.ts";
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
import { signalRoute } from "./signal.ts";
import { taskViewSchema } from "./view-schema.ts";

export const BODY_LIMIT_BYTES = LINE_LIMIT_BYTES;
export const BATCH_LIMIT_BYTES = 16 * 1_024 * 1_024;

const JSON_TYPE = "application/json; charset=utf-8";

/** How many tasks a request has stored. Hooks read it. For a streamed body, the number grows while lines arrive. */
export const storedBy = new WeakMap<object, { accepted: number }>();

/** The routes that enqueue, read, cancel and change tasks. Both producer-api and observability serve them. */
export function registerTaskRoutes(app: HttpServer, options: TaskRouteOptions): void {
  const intake = new Intake(options, app.basics);
  const closing = new AbortController();
  // When the server stops, long polls end at once. Otherwise they would delay the stop for up to 30 s.
  app.addHook("preClose", async () => closing.abort());

  app.post(
    "/v1/queues/:queue/tasks",
    {
      config: { rawBody: true, scope: "enqueue" },
      bodyLimit: BODY_LIMIT_BYTES,
      // `readTask` reads the bytes of the body. The schema of the body is only for the API description.
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
    async (request, reply) => answer(request, reply, await intake.one(posted(request))),
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
        description: `A JSON array of up to ${LIMITS.batchTasks} tasks, or any number of tasks as application/x-ndjson, one per line: lines are stored as they arrive, and stay stored if the request breaks off. ${LINE_HELP} Each task has its own result. If the key is revoked meanwhile, the last result is 401, and nothing after it is stored. With \`Accept: application/x-ndjson\` the results are lines too, sent while the body still arrives: read them while you write.`,
        consumes: ["application/json", "application/x-ndjson"],
        params: queueParams,
        body: batchSchema,
        response: { 207: batchResultSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { accept = "", "content-type": type = "" } = request.headers;
      const wantsLines = /\bndjson\b|x-ndjson/i.test(accept);
      if (wantsLines || /ndjson/i.test(type)) return stream(app, options, intake, request, reply, wantsLines);
      return answer(request, reply, await storeArray(intake, posted(request)));
    },
  );

  registerEventRoute(app, options, closing.signal);

  if (!options.withoutGet) {
    app.get(
      "/v1/queues/:queue/tasks/:id",
      {
        schema: {
          tags: ["tasks"],
          summary: "State, attempts and result of a task",
          description:
            "404: no task has the id. 410, with waitMs: the task ended, and the queue keeps no record of the task (or of any ended task, with a retention of 0).",
          params: taskParams,
          querystring: waitQuery,
          response: { 200: taskViewSchema, default: problemSchema },
        },
      },
      async (request, reply) => {
        const { queue: name, id } = request.params;
        const { waitMs } = request.query;
        const queue = intake.open(name);
        const wait = () =>
          longPoll(app, request, reply, closing.signal, (signal) => waitOrGet(queue, id, waitMs, signal));
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
          "200: cancelled. 202: the task is running, and its worker was asked to stop it. 409: the task has already ended.",
        params: taskParams,
        response: { 200: CancelReply, 202: CancelReply, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue: name, id } = request.params;
      const outcome = await intake.open(name).cancel(id);
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

  app.patch(
    "/v1/queues/:queue/tasks/:id",
    {
      config: { scope: "enqueue" },
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        tags: ["tasks"],
        summary: "Change a task that waits",
        description:
          "Gives a pending or scheduled task, or one that waits for its retry, another time, priority, key or payload; `delayMs: 0` runs it now. 409 not_waiting: it runs or has ended. 409 unique_conflict: it waits for the end of the task that holds its unique key, so its time cannot be changed. 429 key_full: the key has as many tasks as its limits allow. In each case nothing is changed.",
        params: taskParams,
        body: ChangeBody,
        response: { 200: ChangeReply, default: problemSchema },
      },
    },
    async (request) => {
      const { queue: name, id } = request.params;
      const { payloadText } = request.body;
      if (payloadText !== undefined) checkJson(payloadText, "payloadText");
      return changeReply(name, await intake.open(name).change(id, request.body));
    },
  );
  signalRoute(app, intake);
}

/** Returns the reply to a change, also if none was needed. @throws HoldfastError if the change was refused */
function changeReply(queue: string, { id, outcome, state, heldBy }: ChangeResult): ChangeReply {
  const refuse = (code: ErrorCode, why: string, more: { heldBy?: string } = {}): never => {
    throw new HoldfastError(code, `task ${id} ${why}`, { taskId: id, ...more });
  };
  switch (outcome) {
    case "changed":
    case "unchanged":
      return { id, outcome, state: state as ChangeReply["state"] };
    case "not_found":
      throw unknownTask(queue, id);
    case "not_waiting":
      return refuse("not_waiting", `is ${state}: only a task that waits can be changed`);
    case "unique_conflict":
      return refuse(
        "unique_conflict",
        `waits for the end of task ${heldBy}, which holds its unique key: its time cannot be changed`,
        heldBy === undefined ? {} : { heldBy },
      );
    case "key_full":
      return refuse("key_full", "stays in its line: the key has as many tasks as its limits allow");
    default:
      throw new HoldfastError("internal", `unknown outcome ${String(outcome satisfies never)}`);
  }
}

/** Returns the parts of a request that an intake needs. */
export function posted(request: FastifyRequest): Posted {
  const { identity, ip, body, headers } = request;
  const { queue } = request.params as { queue: string };
  const key = headers["idempotency-key"] as string | undefined;
  return { queue, identity, ip, body, key, trace: traceContextOf(headers) };
}

function answer(request: FastifyRequest, reply: FastifyReply, { status, text, headers, accepted }: Answer) {
  storedBy.set(request, { accepted });
  for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] as string, headers[i + 1]);
  return reply.code(status).type(JSON_TYPE).send(text);
}

/**
 * Serves a batch whose tasks or results are lines. Lines are stored and answered while later ones are still arriving.
 */
async function stream(
  app: HttpServer,
  { metrics }: TaskRouteOptions,
  intake: Intake,
  request: FastifyRequest,
  reply: FastifyReply,
  wantsLines: boolean,
) {
  const post = posted(request);
  let queue: EnqueueQueue;
  let blocks: AsyncGenerator<ReadTasks>;
  let first: ReadTasks | undefined;
  const watch = app.basics.watch(request);
  reply.raw.once("close", watch.end);
  try {
    queue = intake.limited(intake.open(post.queue), post);
    const isStream = /ndjson/i.test(request.headers["content-type"] ?? "");
    if (isStream) app.basics.allowLongBody(request.raw, reply.raw);
    assertNoKey(post);
    blocks = isStream
      ? whileAllowed(
          readTaskStream((post.body ?? []) as AsyncIterable<Buffer>, taskReader, wantsLines),
          watch,
        )
      : oneBlock(readArray(post));
    first = (await blocks.next()).value as ReadTasks | undefined;
    if (first === undefined) throw emptyBatch();
    // A stream always creates its queue. Even if the first block has only invalid lines, valid ones may follow.
    if (isStream || first.tasks.types.length > 0) await intake.admit(post);
  } catch (error) {
    metrics?.rejected(post.queue, error);
    throw error;
  }
  const totals = { accepted: 0, duplicates: 0, failed: 0 };
  const store = (block: ReadTasks) => storeBlock(intake, post, queue, block);
  const lines = { store, blocks, totals };
  if (wantsLines) {
    storedBy.set(request, totals);
    return reply.code(207).type("application/x-ndjson").send(answerAsLines(lines, first));
  }
  const stored = await store(first);
  const next = await blocks.next();
  if (next.done) return answer(request, reply, batchAnswer(stored));
  storedBy.set(request, totals);
  return reply
    .code(207)
    .type(JSON_TYPE)
    .send(answerAsDocument(lines, stored.body, next.value));
}

async function* oneBlock(read: ReadTasks): AsyncGenerator<ReadTasks> {
  yield read;
}

function unknownTask(queue: string, id: string): HoldfastError {
  return new HoldfastError("task_not_found", `queue ${queue} has no task ${id} (or it was purged)`);
}

/** Waits for the end of the task. If the wait is interrupted, returns the current state of the task. */
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

/**
 * Returns a compiler that checks everything except the body, for routes that read the bytes of the body themselves.
 */
export function exceptBody(app: HttpServer): NonNullable<HttpServer["validatorCompiler"]> {
  const compile = app.validatorCompiler;
  return (route) => (route.httpPart === "body" || !compile ? () => true : compile(route));
}
