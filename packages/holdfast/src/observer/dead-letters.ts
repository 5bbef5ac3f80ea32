import { createHash } from "node:crypto";
import { HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { bandOf, decodeEnvelope, encodeEnvelope } from "../engine/envelope.ts";
import type { RawTask } from "../engine/replies.ts";
import type { Request } from "../engine/task-scripts.ts";
import { taskView } from "../engine/task-view.ts";
import { uniqueOptions } from "../engine/unique.ts";
import { type Parts, perId } from "../partitions/parts.ts";
import { traceOf } from "../tracing/trace-context.ts";
import type { ReplayOptions } from "./observer-options.ts";

/** The result of a replay for one dead letter. */
export interface ReplayResult {
  /** The id of the dead letter. */
  id: string;
  /**
   * "moved": it was replayed into another queue. "unique_conflict": another task holds its unique key, so it stays a
   * dead letter.
   */
  outcome: "replayed" | "moved" | "not_dead" | "not_found" | "unique_conflict";
  /** With "unique_conflict": the id of the task that holds the unique key. */
  heldBy?: string;
  /** With "moved": the id of the task in the other queue. */
  newId?: string;
}

/** The result of a discard for one dead letter. */
export interface DiscardResult {
  /** The id of the dead letter. */
  id: string;
  /** Whether the dead letter was discarded, or why not. */
  outcome: "discarded" | "not_dead" | "not_found";
}

const PAGE = 100;

const REPLAYED = { r: "replayed", n: "not_dead", u: "not_found", h: "unique_conflict" } as const;
const DISCARDED = { d: "discarded", n: "not_dead", u: "not_found" } as const;

export interface ReplayHow {
  payloadText?: string | undefined;
  /** The request id with which an operation repeats a batch. */
  request?: Request;
  /** Tasks that died later than this, ms since the epoch, stay dead letters. */
  diedBefore?: number;
  /** Whether to replay a task even if another task holds its unique key. */
  force?: boolean | undefined;
}

export async function replayHere(
  engine: Engine,
  ids: readonly string[],
  { payloadText, request, diedBefore, force }: ReplayHow = {},
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
  const [letters = "", ...owners] = (await engine.replay(tail, request, diedBefore, force)).split(" ");
  let held = 0;
  return ids.map((id, i) => {
    const outcome = REPLAYED[letters[i] as keyof typeof REPLAYED] ?? "not_found";
    return outcome === "unique_conflict"
      ? { id, outcome, heldBy: owners[held++] as string }
      : { id, outcome };
  });
}

/**
 * Replays tasks into another queue. First enqueues a new task there, with an id that is derived from the old one, so
 * that a repeat finds it. Then marks the old task as moved. A crash between the two leaves both tasks, but never none.
 */
export async function replayInto(
  from: Engine,
  target: Parts,
  ids: readonly string[],
  { diedBefore = Number.POSITIVE_INFINITY, force = false }: ReplayHow = {},
): Promise<ReplayResult[]> {
  const results: ReplayResult[] = [];
  const raws: RawTask[] = [];
  for (let at = 0; at < ids.length; at += PAGE) raws.push(...(await from.get(ids.slice(at, at + PAGE))));
  for (const raw of raws) {
    const task = taskView(from.queue, raw);
    const movedTo = task ? null : movedSince(raw.record, target.queue, diedBefore);
    if (movedTo !== null) {
      results.push({ id: raw.id, outcome: "moved", newId: movedTo });
      continue;
    }
    if (task?.state !== "dead" || (task.endedAt ?? 0) > diedBefore) {
      results.push({ id: raw.id, outcome: task ? "not_dead" : "not_found" });
      continue;
    }
    const newId = derivedId(raw.id, task.generation + 1);
    // The derived id names no partition, so `ofId` always returns one.
    const { engine: to } = target.ofId(newId) as Parts["all"][number];
    const decoded = decodeEnvelope(raw.envelope);
    const {
      type,
      payloadText,
      maxRetries,
      timeoutMs,
      backoff,
      tags,
      key,
      cost,
      priority,
      keepPayload,
      keep,
    } = decoded;
    // In a queue with partitions, the derived id selects the partition, but the unique key may belong to another one.
    // So the new task has no unique key.
    const unique = force || target.partitions ? null : decoded.unique;
    const options = {
      priority,
      ...(maxRetries === null ? {} : { maxRetries }),
      ...(timeoutMs === null ? {} : { timeoutMs }),
      ...(backoff === null ? {} : { backoff }),
      ...(keepPayload ? {} : { keepPayload }),
      ...(keep === null ? {} : { keep }),
      tags,
      ...(key === null ? {} : { key }),
      cost,
      ...(unique === null ? {} : { unique: uniqueOptions(unique) }),
    };
    const envelope = encodeEnvelope(
      type,
      to.connection.now(),
      payloadText,
      options,
      `moved.${from.queue}`,
      traceOf(decoded),
      decoded.schedule,
    );
    const count = (band: string) => (bandOf(options) === band ? 1 : 0);
    const { verdicts, owners = [] } = await to.enqueue({
      // With `once` the id stays in use after the new task has ended, so that a repeated replay does not enqueue it
      // again.
      checked: true,
      once: true,
      unique: unique !== null,
      high: count("high"),
      normal: count("normal"),
      low: count("low"),
      keyed: count("keyed"),
      tail: [newId, envelope],
    });
    if (verdicts === "o" || verdicts === "u") {
      results.push({ id: raw.id, outcome: "unique_conflict", heldBy: owners[0] as string });
      continue;
    }
    if (verdicts === "f")
      throw new HoldfastError(
        "queue_full",
        `queue "${target.queue}" has as many waiting tasks as its maxWaiting allows`,
        {
          taskId: raw.id,
        },
      );
    if (verdicts === "k")
      throw new HoldfastError(
        "key_full",
        `the key of task "${raw.id}" has as many tasks as the limits of queue "${target.queue}" allow`,
        { taskId: raw.id },
      );
    if (verdicts === "c")
      throw new HoldfastError(
        "task_conflict",
        `queue "${target.queue}" already has a different task with the id "${newId}"`,
        {
          taskId: raw.id,
        },
      );
    const letter = await from.discard([raw.id, `${to.queue}/${newId}`]);
    results.push(
      letter === "d" ? { id: raw.id, outcome: "moved", newId } : { id: raw.id, outcome: "not_dead" },
    );
  }
  return results;
}

/**
 * Returns the new id of a task that was moved after `sinceMs`. So an operation that repeats a batch recognises the
 * tasks that it has moved already.
 */
function movedSince(record: string, queue: string, sinceMs: number): string | null {
  const [, movedAt, where] = /^r (\d+) \S+ (\S+)/.exec(record) ?? [];
  if (where === undefined || !(Number(movedAt) > sinceMs)) return null;
  // `where` is the name of the other queue or partition, a slash, and the new id.
  return where.startsWith(`${queue}/`) ? where.slice(where.lastIndexOf("/") + 1) : null;
}

/** Derives the new id from the old one. It is always the same, so that a repeat finds the task. */
function derivedId(id: string, generation: number): string {
  const derived = `${id}.g${generation}`;
  if (derived.length <= 128) return derived;
  const rest = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return `${id.slice(0, 100)}.${rest}.g${generation}`;
}

/**
 * Discards dead letters.
 * @param options for an operation only: the request id with which it repeats a batch, and the options of
 * `Engine.discard`
 */
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

/**
 * Replays tasks by their ids, in the partition that they are in or into another queue.
 * @param open registers the other queue and returns its partitions
 * @returns one result per id, in the order given
 */
export async function replayIds(
  parts: Parts,
  ids: readonly string[],
  { to, payloadText, force }: ReplayOptions,
  open: (queue: string) => Promise<Parts>,
): Promise<ReplayResult[]> {
  if (payloadText !== undefined && ids.length !== 1)
    throw new HoldfastError("invalid_argument", "a new payload needs exactly one id");
  if (to === undefined || to === parts.queue)
    return perId(parts, ids, (part, own) => replayHere(part.engine, own, { payloadText, force }));
  if (payloadText !== undefined)
    throw new HoldfastError("invalid_argument", "a new payload and another queue cannot be combined");
  const target = await open(to);
  return perId(parts, ids, (part, own) => replayInto(part.engine, target, own, { force }));
}
