import { type DeadReason, HoldfastError, LIMITS, type TaskState, type TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { taskView } from "../engine/task-view.ts";
import type { QueueKeys } from "../redis/keys.ts";
import { hasText, signatureOf } from "./dead-letters.ts";
import { queueStats } from "./queue-stats.ts";

export interface TaskPage {
  tasks: TaskView[];
  /** Where the next page begins; null at the end. */
  cursor: string | null;
  /** Tasks looked at for this page. */
  scanned: number;
  /** How many stand in the list that is looked through. */
  total: number;
}

export interface ListOptions {
  state: TaskState;
  /** `cursor` of the page before. */
  cursor?: string;
  /** 1 to 100. @default 50 */
  limit?: number;
  type?: string;
  /** A whole tag. */
  tag?: string;
  /** Text in id, error, tags or payload. */
  q?: string;
  /** Text in the last error. */
  error?: string;
  signature?: string;
  reason?: DeadReason;
  /** When it ended, is due (scheduled) or was enqueued (pending, processing): at this time or later, ms. */
  from?: number;
  /** The same: before this time. */
  to?: number;
}

type Index = [index: keyof QueueKeys, order: "list" | "first" | "last"];

// What runs first comes first, what ended last comes first.
const INDEXES: Record<TaskState, Index[]> = {
  pending: [
    ["pendingSolo", "list"],
    ["pendingHigh", "list"],
    ["pending", "list"],
    ["pendingLow", "list"],
  ],
  processing: [["processing", "first"]],
  scheduled: [["scheduled", "first"]],
  dead: [["deadLetters", "last"]],
  completed: [["completed", "list"]],
  cancelled: [["cancelled", "list"]],
  expired: [["expired", "list"]],
};

const SCANNED = 1_000;

/** A cursor is opaque to clients: which index, and where in it. */
function decodeCursor(cursor: string | undefined, indexes: Index[]): { at: number; after: string } {
  if (cursor === undefined) return { at: 0, after: "" };
  const match = /^(\d)~(.*)$/.exec(Buffer.from(cursor, "base64url").toString("utf8"));
  const at = Number(match?.[1]);
  const after = match?.[2] ?? "";
  const order = indexes[at]?.[1];
  const fits =
    order === "list" ? /^\d{0,15}$/.test(after) : /^(|\d+(\.\d+)?:[A-Za-z0-9_.:-]{1,128})$/.test(after);
  if (!match || order === undefined || !fits)
    throw new HoldfastError("invalid_cursor", "this cursor is none of ours: begin without one");
  return { at, after };
}

const encodeCursor = (at: number, after: string) => Buffer.from(`${at}~${after}`).toString("base64url");

export async function listTasks(engine: Engine, options: ListOptions): Promise<TaskPage> {
  const limit = options.limit ?? 50;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > LIMITS.pageTasks) {
    throw new HoldfastError("invalid_argument", `limit has to be 1 to ${LIMITS.pageTasks}, got ${limit}`);
  }
  const indexes = INDEXES[options.state];
  let { at, after } = decodeCursor(options.cursor, indexes);
  const total = queueStats(engine.queue, await engine.stats())[options.state];
  const tasks: TaskView[] = [];
  let scanned = 0;
  while (tasks.length < limit && scanned < SCANNED) {
    const [index, order] = indexes[at] as Index;
    const page = await engine.list(index, order, after, limit - tasks.length);
    scanned += page.ids.length;
    for (const raw of await engine.get(page.ids)) {
      const task = taskView(engine.queue, raw);
      if (task?.state === options.state && matches(task, options)) tasks.push(task);
    }
    after = page.cursor;
    if (after === "") {
      at++;
      if (at >= indexes.length) return { tasks, cursor: null, scanned, total };
    } else if (page.ids.length === 0) break;
  }
  return { tasks, cursor: encodeCursor(at, after), scanned, total };
}

/** The time by which `from` and `to` ask. */
function timeOf(task: TaskView): number {
  if (task.state === "scheduled") return task.runAt ?? 0;
  return task.state === "pending" || task.state === "processing" ? task.enqueuedAt : (task.endedAt ?? 0);
}

function matches(task: TaskView, { type, tag, q, error, signature, reason, from, to }: ListOptions): boolean {
  return (
    (type === undefined || task.type === type) &&
    (reason === undefined || task.deadReason === reason) &&
    (tag === undefined || task.tags.includes(tag)) &&
    (from === undefined || timeOf(task) >= from) &&
    (to === undefined || timeOf(task) < to) &&
    (error === undefined || (task.lastError?.includes(error) ?? false)) &&
    (signature === undefined || signatureOf(task) === signature) &&
    (q === undefined || q === "" || hasText(task, q))
  );
}
