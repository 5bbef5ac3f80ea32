import { ERROR_STATUS } from "@holdfast/contracts";
import type { ReadTasks, TaskColumns } from "@holdfast/contracts/task-json";
import type { EnqueueResult, TraceContext } from "holdfast";
import { RequestError, retryAfterSeconds } from "../http/problem.ts";
import type { EnqueueQueue } from "./conflicts.ts";
import {
  type Answer,
  bytesOf,
  fieldsText,
  type Intake,
  isKnown,
  type Posted,
  receiptBody,
  statusOf,
} from "./intake.ts";
import { taskReader } from "./read.ts";
import type { BatchResult } from "./schema.ts";

type Result = BatchResult["results"][number];

/** The result of each task, and after how many seconds the refused tasks may be sent again. */
export interface StoredBatch {
  body: BatchResult;
  retryAfter: number;
}

/** Stores a JSON array of tasks. The results are in the order of the tasks. */
export async function storeArray(intake: Intake, posted: Posted): Promise<Answer> {
  let queue: EnqueueQueue;
  let read: ReadTasks;
  try {
    queue = intake.open(posted.queue);
    read = readArray(posted);
    if (read.tasks.types.length > 0) await intake.admit(posted);
  } catch (error) {
    intake.metrics?.rejected(posted.queue, error);
    throw error;
  }
  const target = read.tasks.options === undefined ? queue : intake.limited(queue, posted);
  const { ids, results } = await store(target, read, posted.trace);
  if (ids !== null && read.refused === undefined) return allStored(intake, posted, read, ids);
  return batchAnswer(resultsOf(intake, posted, read, results));
}

/** Stores tasks that were read from a body of lines, for example. */
export async function storeBlock(
  intake: Intake,
  posted: Posted,
  queue: EnqueueQueue,
  read: ReadTasks,
): Promise<StoredBatch> {
  const { results } = await store(queue, read, posted.trace);
  return resultsOf(intake, posted, read, results);
}

async function store(queue: EnqueueQueue, { tasks }: ReadTasks, trace: TraceContext | undefined) {
  // An enqueue without tasks would still create the queue, so it is left out.
  return tasks.types.length === 0 ? { ids: [], results: [] } : queue.enqueueColumns(tasks, { trace });
}

function allStored({ metrics }: Intake, { queue }: Posted, { tasks }: ReadTasks, ids: string[]): Answer {
  if (metrics !== undefined) {
    for (let i = 0; i < ids.length; i++)
      metrics.enqueued(queue, tasks.types[i] as string, payloadBytesAt(tasks, i), false);
  }
  // One join is much cheaper than one text per task. This is a hot path.
  const results = ids.join('","state":"pending","durability":"memory"},{"status":201,"id":"');
  const text = `{"accepted":${ids.length},"duplicates":0,"failed":0,"results":[{"status":201,"id":"${results}","state":"pending","durability":"memory"}]}`;
  // All ids were generated here and are ASCII, so each character is one byte.
  return { status: 207, text, bytes: text.length, headers: [], accepted: ids.length };
}

function resultsOf(
  { metrics }: Intake,
  { queue }: Posted,
  { tasks, refused, count }: ReadTasks,
  enqueued: EnqueueResult[],
): StoredBatch {
  const body: BatchResult = { accepted: 0, duplicates: 0, failed: 0, results: [] };
  let retryAfter = 0;
  let next = 0;
  for (let place = 0; place < count; place++) {
    const error = refused?.get(place);
    const result =
      error === undefined ? (enqueued[next] as EnqueueResult) : { ok: false as const, id: null, error };
    if (result.ok) {
      const { receipt } = result;
      metrics?.enqueued(queue, tasks.types[next] as string, payloadBytesAt(tasks, next), isKnown(receipt));
      body.results.push({ status: statusOf(receipt), ...receiptBody(receipt) });
      if (isKnown(receipt)) body.duplicates++;
      else body.accepted++;
    } else {
      metrics?.rejected(queue, result.error);
      body.failed++;
      retryAfter = Math.max(retryAfter, retryAfterSeconds(result.error) ?? 0);
      body.results.push(refusal(result));
    }
    if (error === undefined) next++;
  }
  return { body, retryAfter };
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
