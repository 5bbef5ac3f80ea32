import { createHash } from "node:crypto";
import { type DeadReason, HoldfastError, type TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { decodeEnvelope, encodeEnvelope, traceOf } from "../engine/envelope.ts";
import type { RawTask } from "../engine/replies.ts";
import type { Request } from "../engine/requests.ts";
import { taskView } from "../engine/task-view.ts";
import { signatureOf } from "./signature.ts";

export interface ReplayResult {
  id: string;
  outcome: "replayed" | "moved" | "not_dead" | "not_found";
  /** The id in the other queue, if the task was moved. */
  newId?: string;
}

export interface DiscardResult {
  id: string;
  outcome: "discarded" | "not_dead" | "not_found";
}

export interface DeadLetterGroup {
  /**
   * The first line of the last error with its numbers and ids taken out. Where that line says nothing by itself, such as
   * "fetch failed", the innermost known cause follows in brackets.
   */
  signature: string;
  type: string;
  reason: DeadReason;
  count: number;
  /** How many of them were replayed before and died again. */
  diedAgain: number;
  firstAt: number;
  lastAt: number;
  /** Deaths in each of 12 equal parts of the span that was looked at, oldest first. */
  trend: number[];
  sampleIds: string[];
}

export interface DeadLetterGroups {
  groups: DeadLetterGroup[];
  /** Dead letters looked at, from the newest on. */
  scanned: number;
  total: number;
  trendFrom: number;
  trendTo: number;
}

const PAGE = 100;
const SAMPLES = 5;
const TREND_BUCKETS = 12;
const MAX_GROUPS = 200;

/** The dead letters from the oldest or newest on, page by page. */
export async function* pagesOfDead(
  engine: Engine,
  order: "first" | "last",
  signal?: AbortSignal,
): AsyncGenerator<TaskView[]> {
  let cursor = "";
  do {
    signal?.throwIfAborted();
    const page = await engine.list("deadLetters", order, cursor, PAGE);
    const tasks = (await engine.get(page.ids))
      .map((raw) => taskView(engine.queue, raw))
      .filter((task) => task?.state === "dead");
    yield tasks as TaskView[];
    cursor = page.cursor;
  } while (cursor !== "");
}

/** The fields by which a group is formed. */
export type DeadFacts = Pick<TaskView, "id" | "type" | "deadReason" | "lastError" | "endedAt" | "diedAgain">;

/** @param until end of the trend, ms since the epoch: now */
export function groupDead(tasks: readonly DeadFacts[], until: number): Omit<DeadLetterGroups, "total"> {
  const groups = new Map<string, DeadLetterGroup>();
  const trendFrom = tasks.reduce((oldest, task) => Math.min(oldest, task.endedAt ?? until), until);
  const trendTo = tasks.reduce((newest, task) => Math.max(newest, task.endedAt ?? until), until);
  const bucketMs = Math.max(1, (trendTo - trendFrom) / TREND_BUCKETS);
  for (const task of tasks) {
    const reason = task.deadReason ?? "retries_exhausted";
    const signature = signatureOf(task);
    const key = `${task.type}\n${reason}\n${signature}`;
    const at = task.endedAt ?? 0;
    const group = groups.get(key) ?? {
      signature,
      type: task.type,
      reason,
      count: 0,
      diedAgain: 0,
      firstAt: at,
      lastAt: at,
      trend: new Array<number>(TREND_BUCKETS).fill(0),
      sampleIds: [],
    };
    group.count++;
    if (task.diedAgain) group.diedAgain++;
    group.firstAt = Math.min(group.firstAt, at);
    group.lastAt = Math.max(group.lastAt, at);
    const bucket = Math.min(TREND_BUCKETS - 1, Math.max(0, Math.floor((at - trendFrom) / bucketMs)));
    group.trend[bucket] = (group.trend[bucket] ?? 0) + 1;
    if (group.sampleIds.length < SAMPLES) group.sampleIds.push(task.id);
    groups.set(key, group);
  }
  return { groups: largestFirst([...groups.values()]), scanned: tasks.length, trendFrom, trendTo };
}

function largestFirst(groups: DeadLetterGroup[]): DeadLetterGroup[] {
  return groups.sort((a, b) => b.count - a.count || b.lastAt - a.lastAt).slice(0, MAX_GROUPS);
}

const REPLAYED = { r: "replayed", n: "not_dead", u: "not_found" } as const;
const DISCARDED = { d: "discarded", n: "not_dead", u: "not_found" } as const;

export interface ReplayHow {
  payloadText?: string | undefined;
  /** For an operation: the request id under which a batch is repeated. */
  request?: Request;
  /** Leave those alone that died after this moment. */
  diedBefore?: number;
}

export async function replayHere(
  engine: Engine,
  ids: readonly string[],
  { payloadText, request, diedBefore }: ReplayHow = {},
): Promise<ReplayResult[]> {
  const tail: string[] = [];
  for (const id of ids) {
    let envelope = "";
    if (payloadText !== undefined) {
      const [raw] = await engine.get([id]);
      if (raw && raw.envelope !== "") {
        const header = raw.envelope.slice(0, raw.envelope.indexOf("\n"));
        envelope = `${header}\n${payloadText}`;
      }
    }
    tail.push(id, envelope);
  }
  const letters = await engine.replay(tail, request, diedBefore);
  return ids.map((id, i) => ({ id, outcome: REPLAYED[letters[i] as keyof typeof REPLAYED] ?? "not_found" }));
}

/**
 * Into another queue: first a task with a derived id there, so that a repeat finds it, then the old one is marked as
 * moved. A crash between the two leaves both, never none.
 */
export async function replayInto(
  from: Engine,
  to: Engine,
  ids: readonly string[],
  { diedBefore = Number.POSITIVE_INFINITY }: ReplayHow = {},
): Promise<ReplayResult[]> {
  const results: ReplayResult[] = [];
  const raws: RawTask[] = [];
  for (let at = 0; at < ids.length; at += PAGE) raws.push(...(await from.get(ids.slice(at, at + PAGE))));
  for (const raw of raws) {
    const task = taskView(from.queue, raw);
    const movedTo = task ? null : movedSince(raw.record, to.queue, diedBefore);
    if (movedTo !== null) {
      results.push({ id: raw.id, outcome: "moved", newId: movedTo });
      continue;
    }
    if (task?.state !== "dead" || (task.endedAt ?? 0) > diedBefore) {
      results.push({ id: raw.id, outcome: task ? "not_dead" : "not_found" });
      continue;
    }
    const newId = derivedId(raw.id, task.generation + 1);
    const decoded = decodeEnvelope(raw.envelope);
    const { type, payloadText, maxRetries, timeoutMs, backoff, tags, priority, keepPayload } = decoded;
    const options = {
      priority,
      ...(maxRetries === null ? {} : { maxRetries }),
      ...(timeoutMs === null ? {} : { timeoutMs }),
      ...(backoff === null ? {} : { backoff }),
      ...(keepPayload ? {} : { keepPayload }),
      tags,
    };
    const envelope = encodeEnvelope(
      type,
      to.connection.now(),
      payloadText,
      options,
      `moved.${from.queue}`,
      traceOf(decoded),
    );
    const count = (band: string) => (priority === band ? 1 : 0);
    const { verdicts } = await to.enqueue({
      // However it ended there: a repeat has to find it.
      checked: true,
      once: true,
      high: count("high"),
      normal: count("normal"),
      low: count("low"),
      tail: [newId, envelope],
    });
    if (verdicts === "f")
      throw new HoldfastError("queue_full", `queue "${to.queue}" is at its cap of waiting tasks`, {
        taskId: raw.id,
      });
    if (verdicts === "c")
      throw new HoldfastError("task_conflict", `queue "${to.queue}" has another task "${newId}"`, {
        taskId: raw.id,
      });
    const letter = await from.discard([raw.id, `${to.queue}/${newId}`]);
    results.push(
      letter === "d" ? { id: raw.id, outcome: "moved", newId } : { id: raw.id, outcome: "not_dead" },
    );
  }
  return results;
}

/** The new id in the note of a moved task, by which a repeated batch of an operation finds its own tasks. */
function movedSince(record: string, queue: string, sinceMs: number): string | null {
  const [, movedAt, where] = /^r (\d+) \S+ (\S+)/.exec(record) ?? [];
  if (where === undefined || !(Number(movedAt) > sinceMs)) return null;
  return where.startsWith(`${queue}/`) ? where.slice(queue.length + 1) : null;
}

/** The same one each time: a repeat has to find the task that it enqueued before. */
function derivedId(id: string, generation: number): string {
  const derived = `${id}.g${generation}`;
  if (derived.length <= 128) return derived;
  const rest = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return `${id.slice(0, 100)}.${rest}.g${generation}`;
}

/** @param how of an operation: the request id under which a batch is repeated, and what `Engine.discard` takes */
export async function discardDead(
  engine: Engine,
  ids: readonly string[],
  { request, ...options }: { request?: Request; discard?: string; diedBefore?: number } = {},
): Promise<DiscardResult[]> {
  const tail = ids.flatMap((id) => [id, ""]);
  const letters = await engine.discard(tail, request, options);
  return ids.map((id, i) => ({
    id,
    outcome: DISCARDED[letters[i] as keyof typeof DISCARDED] ?? "not_found",
  }));
}
