import type { FingerprintedOptions } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import type { EnqueueReceipt, Queue, TraceContext } from "holdfast";
import { RequestError } from "../http/problem.ts";
import type { Conflicts, EnqueueQueue } from "./conflicts.ts";
import type { IntakeMetrics } from "./metrics.ts";
import type { NewQueues } from "./queues.ts";
import { keyedOptions, keyedTaskReader, taskReader } from "./read.ts";
import type { BatchResult } from "./schema.ts";

export type TaskQueue = EnqueueQueue &
  Pick<Queue, "wait" | "get" | "cancel" | "change" | "signal" | "events">;

export interface TaskRouteOptions {
  /** Returns the queue with this valid name; called for each request. Throws while tasks cannot be accepted. */
  queue(name: string): TaskQueue;
  /** Limits how many queues a key may create. @default no limit */
  newQueues?: Pick<NewQueues, "isKnown" | "admit"> | undefined;
  metrics?: IntakeMetrics;
  /** Whether to leave out `GET /v1/queues/:queue/tasks/:id`, for a service that has a route of its own for it. */
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

interface Basics {
  conflictsFor(identity: Identity): Pick<Conflicts, "limit"> | undefined;
}

/** Creates the queue if it does not exist. @throws HoldfastError rate_limited */
export async function admitQueue(
  { newQueues }: Pick<TaskRouteOptions, "newQueues">,
  posted: Posted,
): Promise<void> {
  if (newQueues?.isKnown(posted.queue) === false) await newQueues.admit(posted.queue, posted);
}

/** Reads and stores the task of a POST, and makes the answer. The routes and the fast lane share this class. */
export class Intake {
  readonly metrics: IntakeMetrics | undefined;
  readonly #options: TaskRouteOptions;
  readonly #basics: Basics;

  constructor(options: TaskRouteOptions, basics: Basics) {
    this.metrics = options.metrics;
    this.#options = options;
    this.#basics = basics;
  }

  /** @throws HoldfastError while tasks cannot be accepted */
  open(name: string): TaskQueue {
    return this.#options.queue(name);
  }

  /** Returns the queue for tasks with ids. It limits the conflicts of a sender who may not see every payload. */
  limited(queue: EnqueueQueue, { identity, ip }: Posted): EnqueueQueue {
    return this.#basics.conflictsFor(identity)?.limit(queue, identity, ip) ?? queue;
  }

  /** Creates the queue if it is new. @throws HoldfastError rate_limited */
  admit(posted: Posted): Promise<void> {
    return admitQueue(this.#options, posted);
  }

  /** Stores one task. */
  async one(posted: Posted): Promise<Answer> {
    const { queue: name, key, trace } = posted;
    const { metrics } = this;
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
}

/** One task, in the form that `enqueueText` accepts. */
interface ReadTask {
  type: string;
  payloadText: string;
  payloadBytes: number;
  options: FingerprintedOptions | undefined;
}

/**
 * Reads the body of an enqueue.
 * @param key the value of the header `Idempotency-Key`, if it was sent; the id of the task is made from it
 * @throws HoldfastError invalid_json, invalid_argument, payload_too_large, payload_too_deep
 */
export function readTask(body: Buffer, key?: string): ReadTask {
  const reader = key === undefined ? taskReader : keyedTaskReader;
  const { bytes, types, spans, options } = reader.one(body);
  const [start = 0, end = 0] = spans;
  const given = options?.get(0);
  return {
    type: types[0] as string,
    payloadText: bytes.toString("utf8", start, end),
    payloadBytes: end - start,
    options: key === undefined ? given : keyedOptions(key, given, bytes),
  };
}

/** Returns the bytes of a body that is not a stream. @throws HoldfastError invalid_json if there is no body */
export function bytesOf({ body }: Posted): Buffer {
  if (Buffer.isBuffer(body)) return body;
  throw new RequestError("invalid_json", "the body is empty: send a task as application/json");
}

/** Whether the task of the receipt existed before this enqueue. */
export const isKnown = ({ duplicate, deduplicated }: EnqueueReceipt) => duplicate || deduplicated === true;

/**
 * Returns the status for a receipt:
 * - 201: the task was stored.
 * - 200: the task was known, and waits or runs.
 * - 208: the task was known and has ended, so nothing will run.
 * A repeated request with an `Idempotency-Key` always gets 200 for a known task, because the request was carried out.
 */
export function statusOf({ duplicate, willRun, replaced }: EnqueueReceipt, hasKey = false): 200 | 201 | 208 {
  if (replaced) return 200;
  if (!duplicate) return 201;
  return willRun || hasKey ? 200 : 208;
}

/**
 * Returns the receipt in the form of the HTTP API. Only a duplicate has `willRun`. With `deduplicated`, the receipt
 * describes the other task that holds the unique key.
 */
export function receiptBody({
  id,
  state,
  duplicate,
  willRun,
  durability,
  deduplicated,
  replaced,
}: EnqueueReceipt) {
  const known = duplicate ? { willRun } : {};
  const held = deduplicated ? { deduplicated, ...(replaced ? { replaced } : {}) } : {};
  return { id, state, durability, ...known, ...held };
}

/** Returns the same text as JSON.stringify, but faster, because id, state and durability never need an escape. */
function receiptText(receipt: EnqueueReceipt): string {
  return `{${fieldsText(receiptBody(receipt))}}`;
}

type ReceiptFields = Pick<
  BatchResult["results"][number],
  "id" | "state" | "durability" | "willRun" | "deduplicated" | "replaced"
>;

export function fieldsText({
  id,
  state,
  durability,
  willRun,
  deduplicated,
  replaced,
}: ReceiptFields): string {
  const text = `"id":"${id}","state":"${state}","durability":"${durability}"`;
  const known = willRun === undefined ? text : `${text},"willRun":${willRun}`;
  if (!deduplicated) return known;
  return `${known},"deduplicated":true${replaced ? ',"replaced":true' : ""}`;
}
