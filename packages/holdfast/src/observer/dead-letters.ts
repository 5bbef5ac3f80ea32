import { type DeadReason, HoldfastError, type TaskView } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Engine } from "../engine/engine.ts";
import { decodeEnvelope, encodeEnvelope } from "../engine/envelope.ts";
import { taskView } from "../engine/task-view.ts";

export interface DeadLetterFilter {
  type?: string;
  reason?: DeadReason;
}

export interface ReplayResult {
  id: string;
  outcome: "replayed" | "moved" | "not_dead" | "not_found";
  /** The id in the other queue, where it was moved. */
  newId?: string;
}

export interface DiscardResult {
  id: string;
  outcome: "discarded" | "not_dead" | "not_found";
}

export interface DeadLetterGroup {
  /** The first line of the last error with its numbers and ids taken out. */
  signature: string;
  type: string;
  reason: DeadReason;
  count: number;
  firstAt: number;
  lastAt: number;
  sampleIds: string[];
}

const PAGE = 100;
const SAMPLES = 5;

/** What failures have in common: the message without what differs from task to task. */
export function errorSignature(error: string | null): string {
  const line = (error ?? "").split("\n", 1)[0] ?? "";
  return line
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>")
    .replaceAll(/\b0x[0-9a-f]+\b/gi, "<hex>")
    .replaceAll(/(["'`]).*?\1/g, "<text>")
    .replaceAll(/\d+/g, "<n>")
    .slice(0, 200);
}

export function matchesDead(task: TaskView, filter: DeadLetterFilter): boolean {
  return (
    (filter.type === undefined || task.type === filter.type) &&
    (filter.reason === undefined || task.deadReason === filter.reason)
  );
}

/** The dead letters from the oldest or newest on, page by page. */
export async function* pagesOfDead(engine: Engine, order: "first" | "last"): AsyncGenerator<TaskView[]> {
  let cursor = "";
  do {
    const page = await engine.list("deadLetters", order, cursor, PAGE);
    const tasks = (await engine.get(page.ids))
      .map((raw) => taskView(engine.queue, raw))
      .filter((task) => task?.state === "dead");
    yield tasks as TaskView[];
    cursor = page.cursor;
  } while (cursor !== "");
}

export function groupDead(tasks: readonly TaskView[]): DeadLetterGroup[] {
  const groups = new Map<string, DeadLetterGroup>();
  for (const task of tasks) {
    const reason = task.deadReason ?? "retries_exhausted";
    const signature = errorSignature(task.lastError) || reason;
    const key = `${task.type}\n${reason}\n${signature}`;
    const at = task.endedAt ?? 0;
    const group = groups.get(key) ?? {
      signature,
      type: task.type,
      reason,
      count: 0,
      firstAt: at,
      lastAt: at,
      sampleIds: [],
    };
    group.count++;
    group.firstAt = Math.min(group.firstAt, at);
    group.lastAt = Math.max(group.lastAt, at);
    if (group.sampleIds.length < SAMPLES) group.sampleIds.push(task.id);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || b.lastAt - a.lastAt);
}

const REPLAYED = { r: "replayed", n: "not_dead", u: "not_found" } as const;
const DISCARDED = { d: "discarded", n: "not_dead", u: "not_found" } as const;

export async function replayHere(
  engine: Engine,
  ids: readonly string[],
  payloadText?: string,
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
  const letters = await engine.replay(tail);
  return ids.map((id, i) => ({ id, outcome: REPLAYED[letters[i] as keyof typeof REPLAYED] ?? "not_found" }));
}

/**
 * Into another queue: first a task with a derived id there, so that a repeat finds it, then the old one is marked as
 * moved. A crash between the two leaves both, never none.
 */
export async function replayInto(from: Engine, to: Engine, ids: readonly string[]): Promise<ReplayResult[]> {
  const results: ReplayResult[] = [];
  for (const raw of await from.get(ids)) {
    const task = raw.envelope === "" ? null : taskView(from.queue, raw);
    if (task?.state !== "dead") {
      results.push({ id: raw.id, outcome: task ? "not_dead" : "not_found" });
      continue;
    }
    const newId = derivedId(raw.id, task.generation + 1);
    const { type, payloadText, maxRetries, timeoutMs, backoff, tags, priority } = decodeEnvelope(
      raw.envelope,
    );
    const options = {
      priority,
      ...(maxRetries === null ? {} : { maxRetries }),
      ...(timeoutMs === null ? {} : { timeoutMs }),
      ...(backoff === null ? {} : { backoff }),
      tags,
    };
    const envelope = encodeEnvelope(type, to.connection.now(), payloadText, options, `moved.${from.queue}`);
    const count = (band: string) => (priority === band ? 1 : 0);
    const { verdicts } = await to.enqueue({
      checked: true,
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

function derivedId(id: string, generation: number): string {
  const derived = `${id}.g${generation}`;
  return derived.length <= 128 ? derived : `${id.slice(0, 100)}.${nanoid(10)}.g${generation}`;
}

export async function discardDead(engine: Engine, ids: readonly string[]): Promise<DiscardResult[]> {
  const letters = await engine.discard(ids.flatMap((id) => [id, ""]));
  return ids.map((id, i) => ({
    id,
    outcome: DISCARDED[letters[i] as keyof typeof DISCARDED] ?? "not_found",
  }));
}
