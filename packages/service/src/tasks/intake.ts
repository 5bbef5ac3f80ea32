import { ERROR_STATUS, HoldfastError, isQueueName } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import type { ReadTasks, TaskColumns } from "@holdfast/contracts/task-json";
import type { EnqueueReceipt, EnqueueResult, Queue, TraceContext } from "holdfast";
import { RequestError, retryAfterSeconds } from "../http/problem.ts";
import type { Conflicts, EnqueueQueue } from "./conflicts.ts";
import type { IntakeMetrics } from "./metrics.ts";
import type { NewQueues } from "./queues.ts";
import { readTask, taskReader } from "./read.ts";
import type { BatchResult } from "./schema.ts";

export type Result = BatchResult["results"][number];
export type TaskQueue = EnqueueQueue &
  Pick<Queue, "wait" | "get" | "cancel" | "change" | "signal" | "events">;

export interface TaskRouteOptions {
  /** Returns the queue with this name. It is called for every request, so it should cache the queues. */
  queue(name: string): TaskQueue;
  /** Throws while tasks cannot be accepted, for example before Redis has passed the boot checks. */
  assertOpen?(): void;
  /** Limits how many queues a key may create. @default no limit */
  newQueues?: Pick<NewQueues, "isKnown" | "admit"> | undefined;
  metrics?: IntakeMetrics;
  /** Leaves out `GET /v1/queues/:queue/tasks/:id`, for a service that has its own. */
  withoutGet?: boolean;
}

/** A POST of one or more tasks, from a route or from the fast lane. */
export interface Posted {
  queue: string;
  identity: Identity;
  /** The address of the sender. */
  ip: string;
  /** A Buffer; for a body of lines, a stream of Buffers. */
  body: unknown;
  /** The header `Idempotency-Key`. */
  key: string | undefined;
  trace: TraceContext | undefined;
}

/** The answer to a POST of tasks. */
export interface Answer {
  status: number;
  /** The body, as JSON. */
  text: string;
  /** The length of `text` in bytes, if it is known. */
  bytes?: number;
  /** The headers: name, value, name, value and so on. */
  headers: string[];
  /** How many tasks were accepted. A duplicate counts only if it came as a single task, and not in a batch. */
  accepted: number;
}

/** The result of each task, and after how many seconds the refused tasks may be sent again. */
export interface StoredBatch {
  body: BatchResult;
  retryAfter: number;
}

interface Basics {
  conflictsFor(identity: Identity): Pick<Conflicts, "limit"> | undefined;
}

/** @throws HoldfastError invalid_queue_name, or what `assertOpen` throws */
export function openQueue<Target>(
  options: { queue(name: string): Target; assertOpen?(): void },
  name: string,
): Target {
  options.assertOpen?.();
  if (!isQueueName(name)) {
    throw new HoldfastError("invalid_queue_name", 'a queue name must not contain ".."');
  }
  return options.queue(name);
}

/** Creates the queue if it does not exist. @throws HoldfastError rate_limited */
export async function admitQueue(
  { newQueues }: Pick<TaskRouteOptions, "newQueues">,
  posted: Posted,
): Promise<void> {
  if (newQueues?.isKnown(posted.queue) === false) await newQueues.admit(posted.queue, posted);
}

/** Reads and stores the tasks of a POST, and makes the answer. The routes and the fast lane share this class. */
export class Intake {
  readonly #options: TaskRouteOptions;
  readonly #basics: Basics;

  constructor(options: TaskRouteOptions, basics: Basics) {
    this.#options = options;
    this.#basics = basics;
  }

  /** @throws HoldfastError invalid_queue_name, or what `assertOpen` throws */
  open(name: string): TaskQueue {
    return openQueue(this.#options, name);
  }

  /** Returns the queue for tasks with ids. It limits the conflicts of a sender who may not see every payload. */
  limited(queue: EnqueueQueue, { identity, ip }: Posted): EnqueueQueue {
    return this.#basics.conflictsFor(identity)?.limit(queue, identity, ip) ?? queue;
  }

  /** Creates the queue if it is new. @throws HoldfastError rate_limited */
  admit(posted: Posted): Promise<void> {
    return admitQueue(this.#options, posted);
  }

  async one(posted: Posted): Promise<Answer> {
    const { queue: name, key, trace } = posted;
    const { metrics } = this.#options;
    try {
      const queue = this.open(name);
      const { type, payloadText, payloadBytes, options } = readTask(bytesOf(posted), key);
      await this.admit(posted);
      const given = trace === undefined ? options : Object.assign({}, options, trace);
      const target = options?.id === undefined ? queue : this.limited(queue, posted);
      const receipt = await target.enqueueText(type, payloadText, given);
      metrics?.enqueued(name, type, payloadBytes, isKnown(receipt));
      const headers = ["location", `/v1/queues/${name}/tasks/${receipt.id}`];
      if (receipt.duplicate && !receipt.deduplicated) headers.push("idempotent-replayed", "true");
      const status = statusOf(receipt, key !== undefined);
      return { status, text: receiptText(receipt), headers, accepted: 1 };
    } catch (error) {
      metrics?.rejected(name, error);
      throw error;
    }
  }

  /** Stores a JSON array of tasks. The results are in the order of the tasks. */
  async array(posted: Posted): Promise<Answer> {
    const { queue: name, trace } = posted;
    let queue: EnqueueQueue;
    let read: ReadTasks;
    try {
      queue = this.open(name);
      read = readArray(posted);
      if (read.tasks.types.length > 0) await this.admit(posted);
    } catch (error) {
      this.#options.metrics?.rejected(name, error);
      throw error;
    }
    const target = read.tasks.options === undefined ? queue : this.limited(queue, posted);
    const done = await store(target, read, trace);
    if (done.ids !== null && read.refused === undefined) return this.#allStored(name, read, done.ids);
    return batchAnswer(this.#results(name, read, done.results));
  }

  async block(posted: Posted, queue: EnqueueQueue, read: ReadTasks): Promise<StoredBatch> {
    const { results } = await store(queue, read, posted.trace);
    return this.#results(posted.queue, read, results);
  }

  #allStored(name: string, { tasks }: ReadTasks, ids: string[]): Answer {
    const { metrics } = this.#options;
    if (metrics !== undefined) {
      for (let i = 0; i < ids.length; i++)
        metrics.enqueued(name, tasks.types[i] as string, payloadBytesAt(tasks, i), false);
    }
    // One join is much cheaper than one text per task. This is a hot path.
    const results = ids.join('","state":"pending","durability":"memory"},{"status":201,"id":"');
    const text = `{"accepted":${ids.length},"duplicates":0,"failed":0,"results":[{"status":201,"id":"${results}","state":"pending","durability":"memory"}]}`;
    // All ids were generated here and are ASCII, so each character is one byte.
    return { status: 207, text, bytes: text.length, headers: [], accepted: ids.length };
  }

  #results(name: string, read: ReadTasks, enqueued: EnqueueResult[]): StoredBatch {
    const { metrics } = this.#options;
    const { tasks, refused, count } = read;
    const body: BatchResult = { accepted: 0, duplicates: 0, failed: 0, results: [] };
    let retryAfter = 0;
    let next = 0;
    for (let place = 0; place < count; place++) {
      const error = refused?.get(place);
      const result =
        error === undefined ? (enqueued[next] as EnqueueResult) : { ok: false as const, id: null, error };
      if (result.ok) {
        const { receipt } = result;
        metrics?.enqueued(name, tasks.types[next] as string, payloadBytesAt(tasks, next), isKnown(receipt));
        body.results.push({ status: statusOf(receipt), ...receiptBody(receipt) });
        if (isKnown(receipt)) body.duplicates++;
        else body.accepted++;
      } else {
        metrics?.rejected(name, result.error);
        body.failed++;
        retryAfter = Math.max(retryAfter, retryAfterSeconds(result.error) ?? 0);
        body.results.push(refusal(result));
      }
      if (error === undefined) next++;
    }
    return { body, retryAfter };
  }
}

async function store(queue: EnqueueQueue, { tasks }: ReadTasks, trace: TraceContext | undefined) {
  // A call without tasks would create the queue, so there is no call.
  return tasks.types.length === 0 ? { ids: [], results: [] } : queue.enqueueColumns(tasks, { trace });
}

/** @throws HoldfastError invalid_request */
export function assertNoKey({ key }: Posted): void {
  if (key === undefined) return;
  throw new RequestError(
    "invalid_request",
    "Idempotency-Key is for one task: give each task of a batch an id",
  );
}

/** Reads the JSON array in the body of a request. */
export function readArray(posted: Posted): ReadTasks {
  assertNoKey(posted);
  return taskReader.array(bytesOf(posted));
}

function bytesOf({ body }: Posted): Buffer {
  if (Buffer.isBuffer(body)) return body;
  throw new RequestError("invalid_json", "the body is empty: send a task as application/json");
}

function payloadBytesAt({ spans }: TaskColumns, place: number): number {
  return (spans[2 * place + 1] as number) - (spans[2 * place] as number);
}

function refusal({ id, error }: Extract<EnqueueResult, { ok: false }>): Result {
  const known = id ?? error.taskId;
  return {
    status: ERROR_STATUS[error.code],
    ...(known === undefined ? {} : { id: known }),
    code: error.code,
    ...(error.heldBy === undefined ? {} : { heldBy: error.heldBy }),
    detail: error.message,
  };
}

/** Whether the task of the receipt was stored before this enqueue. */
const isKnown = ({ duplicate, deduplicated }: EnqueueReceipt) => duplicate || deduplicated === true;

/**
 * Returns the status for a receipt. 201: stored. 200: known, and waiting or running. 208: known and ended, so nothing
 * will run. A repeated request with an `Idempotency-Key` gets 200 in both cases of a known task, because the request
 * was carried out.
 */
function statusOf({ duplicate, willRun, replaced }: EnqueueReceipt, hasKey = false): 200 | 201 | 208 {
  if (replaced) return 200;
  if (!duplicate) return 201;
  return willRun || hasKey ? 200 : 208;
}

/**
 * Returns the receipt as HTTP sends it. Only a duplicate has `willRun`. With `deduplicated`, the receipt describes
 * another task, which holds the unique key.
 */
function receiptBody({ id, state, duplicate, willRun, durability, deduplicated, replaced }: EnqueueReceipt) {
  const known = duplicate ? { willRun } : {};
  const held = deduplicated ? { deduplicated, ...(replaced ? { replaced } : {}) } : {};
  return { id, state, durability, ...known, ...held };
}

/** Returns the same text as JSON.stringify, but faster, because id, state and durability never need an escape. */
function receiptText(receipt: EnqueueReceipt): string {
  return `{${fieldsText(receiptBody(receipt))}}`;
}

type ReceiptFields = Pick<Result, "id" | "state" | "durability" | "willRun" | "deduplicated" | "replaced">;

function fieldsText({ id, state, durability, willRun, deduplicated, replaced }: ReceiptFields): string {
  const text = `"id":"${id}","state":"${state}","durability":"${durability}"`;
  const known = willRun === undefined ? text : `${text},"willRun":${willRun}`;
  if (!deduplicated) return known;
  return `${known},"deduplicated":true${replaced ? ',"replaced":true' : ""}`;
}

export function resultText(result: Result): string {
  if (result.code !== undefined) return JSON.stringify(result);
  return `{"status":${result.status},${fieldsText(result)}}`;
}

export function resultTexts(results: Result[]): string {
  return results.map(resultText).join(",");
}

export function batchAnswer({ body, retryAfter }: StoredBatch): Answer {
  const headers = retryAfter > 0 ? ["retry-after", String(retryAfter)] : [];
  return { status: 207, text: batchText(body), headers, accepted: body.accepted };
}

function batchText({ accepted, duplicates, failed, results }: BatchResult): string {
  return `{"accepted":${accepted},"duplicates":${duplicates},"failed":${failed},"results":[${resultTexts(results)}]}`;
}
