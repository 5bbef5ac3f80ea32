import { ERROR_STATUS, HoldfastError } from "@holdfast/contracts";
import type { EnqueueReceipt, EnqueueResult, NewTask, PlainTasks, Queue, TraceContext } from "holdfast";
import { retryAfterSeconds } from "../http/problem.ts";
import type { IntakeMetrics } from "./metrics.ts";
import type { ReadTask } from "./read.ts";
import type { BatchResult } from "./schema.ts";

export type Result = BatchResult["results"][number];

/** Stores one task that was read from a body. */
export function enqueueTask(
  queue: Pick<Queue, "enqueueText">,
  { type, payloadText = "", ...options }: NewTask,
  trace?: TraceContext,
) {
  // A task without options takes a shorter way through the library.
  const given = Object.keys(options).length === 0 ? undefined : options;
  return queue.enqueueText(type, payloadText, trace === undefined ? given : { ...given, ...trace });
}

/** Stores the tasks of a batch: one result each, in the order given. */
export async function enqueueItems(
  name: string,
  queue: Pick<Queue, "enqueueMany">,
  items: ReadTask[],
  metrics: IntakeMetrics | undefined,
  trace?: TraceContext,
): Promise<BatchAnswer> {
  const good: NewTask[] = [];
  for (const item of items) if (item.ok) good.push(item.task);
  const enqueued = good.length === 0 ? [] : await queue.enqueueMany(good, { trace });
  return toAnswer(name, items, enqueued, metrics);
}

export interface BatchText {
  text: string;
  retryAfter: number;
  /** Of the text, where they are known. */
  bytes?: number;
}

/** Like `enqueueItems`; the answer is text. */
export async function enqueuePlainTasks(
  name: string,
  queue: Pick<Queue, "enqueuePlain">,
  tasks: PlainTasks,
  metrics: IntakeMetrics | undefined,
  trace?: TraceContext,
): Promise<BatchText> {
  const { types, spans } = tasks;
  const enqueued = await queue.enqueuePlain(tasks, { trace });
  if (enqueued.ids === null) {
    const items = types.map((type, place): ReadTask => {
      return { ok: true, task: { type }, bytes: sizeAt(spans, place) };
    });
    const { body, retryAfter } = toAnswer(name, items, enqueued.results, metrics);
    return { text: batchText(body), retryAfter };
  }
  const { ids } = enqueued;
  if (metrics !== undefined)
    for (let i = 0; i < types.length; i++)
      metrics.enqueued(name, types[i] as string, sizeAt(spans, i), false);
  // One join for all of them: a text per task would be as much work as all the rest of the answer.
  const results = ids.join('","state":"pending","durability":"memory"},{"status":201,"id":"');
  const text = `{"accepted":${ids.length},"duplicates":0,"failed":0,"results":[{"status":201,"id":"${results}","state":"pending","durability":"memory"}]}`;
  // Minted ids are ASCII.
  return { text, retryAfter: 0, bytes: text.length };
}

const sizeAt = (spans: number[], place: number) =>
  (spans[2 * place + 1] as number) - (spans[2 * place] as number);

interface BatchAnswer {
  body: BatchResult;
  retryAfter: number;
}

function toAnswer(
  name: string,
  items: ReadTask[],
  enqueued: EnqueueResult[],
  metrics: IntakeMetrics | undefined,
): BatchAnswer {
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
    if (item.ok && result.ok) metrics?.enqueued(name, item.task.type, item.bytes, result.receipt.duplicate);
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

/**
 * 201: stored. 200: known, and on its way. 208: known and over, nothing will run. The repeat of a request with an
 * `Idempotency-Key` is answered 200 in either case: that request was carried out.
 */
export function statusOf({ duplicate, willRun }: EnqueueReceipt, hasKey = false): 200 | 201 | 208 {
  if (!duplicate) return 201;
  return willRun || hasKey ? 200 : 208;
}

/** The receipt as HTTP sends it. For a duplicate it also says whether anything will run. */
export function receiptBody({ id, state, duplicate, willRun, durability }: EnqueueReceipt) {
  return { id, state, durability, ...(duplicate ? { willRun } : {}) };
}

function accepted(receipt: EnqueueReceipt): Result {
  return { status: statusOf(receipt), ...receiptBody(receipt) };
}

/** As JSON.stringify would write it, in a fifth of the time: neither id nor state nor durability needs an escape. */
export function receiptText(receipt: EnqueueReceipt): string {
  return `{${fieldsText(receiptBody(receipt))}}`;
}

type ReceiptFields = Pick<Result, "id" | "state" | "durability" | "willRun">;

function fieldsText({ id, state, durability, willRun }: ReceiptFields): string {
  const text = `"id":"${id}","state":"${state}","durability":"${durability}"`;
  return willRun === undefined ? text : `${text},"willRun":${willRun}`;
}

export function resultText(result: Result): string {
  if (result.code !== undefined) return JSON.stringify(result);
  return `{"status":${result.status},${fieldsText(result)}}`;
}

export function resultTexts(results: Result[]): string {
  return results.map(resultText).join(",");
}

export function batchText({ accepted, duplicates, failed, results }: BatchResult): string {
  return `{"accepted":${accepted},"duplicates":${duplicates},"failed":${failed},"results":[${resultTexts(results)}]}`;
}
