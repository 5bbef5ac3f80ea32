import { HoldfastError, LIMITS, LISTED_STATES, type ListedState, type TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import type { ListOrder, RawTask } from "../engine/replies.ts";
import { taskView } from "../engine/task-view.ts";
import type { Part, Parts } from "../partitions/parts.ts";
import type { QueueKeys } from "../redis/keys.ts";
import { CompiledFilter, type Span, type TaskFilter } from "./filter.ts";
import { timeOf } from "./query-task.ts";
import { queueStats } from "./queue-stats.ts";

/** A page of tasks. */
export interface TaskPage {
  /** The tasks of this page. */
  tasks: TaskView[];
  /** The cursor of the next page; null after the last page. */
  cursor: string | null;
  /** How many tasks were read to fill this page. */
  scanned: number;
  /** How many tasks the list has. */
  total: number;
}

/** Options of a page of tasks. */
export interface ListOptions extends TaskFilter {
  /** The state of the tasks to list. */
  state: ListedState;
  /** The `cursor` of the previous page. */
  cursor?: string;
  /** How many tasks a page has, 1 to 100. @default 50 */
  limit?: number;
  /** Aborting this signal ends the search after the present read. */
  signal?: AbortSignal;
}

type Index = [index: keyof QueueKeys, order: ListOrder];

// The indexes of each state, in the order in which they are read. Waiting tasks begin with the one that runs next,
// ended tasks with the one that ended last.
export const INDEXES: Record<ListedState, Index[]> = {
  pending: [
    ["pendingTyped", "typed"],
    ["pendingSolo", "waiting"],
    ["pendingHigh", "waiting"],
    ["pending", "waiting"],
    ["pendingLow", "waiting"],
    ["pendingKeyed", "typed"],
  ],
  processing: [["processing", "first"]],
  scheduled: [["scheduled", "first"]],
  dead: [["deadLetters", "last"]],
  completed: [
    ["completed", "ended"],
    // Completed tasks with the option `keep` begin with the one that is removed last.
    ["kept", "last"],
  ],
  cancelled: [["cancelled", "ended"]],
  expired: [["expired", "ended"]],
};

// One request reads at most this many tasks. Its cursor continues the search.
export const SCANNED = 1_000;
// One call reads at most about this many bytes, because reading many large payloads would block Redis for all clients.
const READ_BYTES = 1_048_576;

/**
 * Returns how many tasks to read next, from the size of those that were read last.
 * @param before the previous number, which is returned if no task was read
 */
export function nextPageSize(found: readonly RawTask[], before: number): number {
  const bytes = found.reduce(
    (sum, { envelope, record, result }) => sum + envelope.length + record.length + result.length,
    0,
  );
  if (bytes === 0) return before;
  return Math.max(1, Math.min(LIMITS.pageTasks, Math.floor((READ_BYTES * found.length) / bytes)));
}

/** Decodes a cursor: the index that was read, and the last entry of the page. For clients, cursors are only a text. */
function decodeCursor(cursor: string, indexes: Index[]): { at: number; after: string } {
  // Spaces are allowed, because an entry of `pending:typed` is a band, a type, two numbers and an id, and an entry of
  // `pending:keyed` begins with the key.
  const match = /^(\d)~((?:-?\d{1,17}(?:\.\d{1,12})?:[A-Za-z0-9_.:/ %!~*'()-]{0,600})?)$/.exec(
    Buffer.from(cursor, "base64url").toString("utf8"),
  );
  const at = Number(match?.[1]);
  if (!match || indexes[at] === undefined) throw invalidCursor();
  return { at, after: match[2] ?? "" };
}

const encodeCursor = (at: number, after: string) => Buffer.from(`${at}~${after}`).toString("base64url");

/**
 * Returns the cursor from which to read a list, so that tasks outside of the span are skipped. Scheduled tasks are read
 * oldest first, so those before `from` are skipped. Ended tasks are read newest first, so those after `to` are skipped.
 * "" means the start of the list.
 */
function entryOf(state: ListedState, { from, to }: Span): string {
  if (state === "scheduled") return from === undefined ? "" : `${Math.ceil(from) - 1}:`;
  if (state === "pending" || state === "processing" || to === undefined) return "";
  return `${Math.ceil(to)}:`;
}

/** Returns whether the span ends before this task, so that no later task of the list can be in it. */
function isPastSpan(task: TaskView, state: ListedState, { from, to }: Span): boolean {
  if (state === "scheduled") return to !== undefined && timeOf(task) >= to;
  if (state === "pending" || state === "processing") return false;
  return from !== undefined && timeOf(task) < from;
}

/** Lists the tasks of a queue. The tasks of its partitions come one partition after the other. */
export async function listTasks(parts: Parts, options: ListOptions): Promise<TaskPage> {
  const { all, partitions } = parts;
  if (!partitions) return listPart(parts.queue, engineAt(parts, 0), options);
  const { cursor, limit = 50, ...rest } = options;
  let [place, inner] = decodePartCursor(cursor, all.length);
  const page: TaskPage = { tasks: [], cursor: null, scanned: 0, total: await totalOf(parts, options.state) };
  for (;;) {
    const own = { ...rest, limit: limit - page.tasks.length, ...(inner === "" ? {} : { cursor: inner }) };
    const part = await listPart(parts.queue, engineAt(parts, place), own);
    page.tasks.push(...part.tasks);
    page.scanned += part.scanned;
    if (part.cursor === null) place++;
    inner = part.cursor ?? "";
    if (place >= all.length) return page;
    if (page.tasks.length >= limit || page.scanned >= SCANNED || inner !== "")
      return { ...page, cursor: `${place}~${inner}` };
  }
}

const engineAt = ({ all }: Parts, place: number) => (all[place] as Parts["all"][number]).engine;

async function totalOf({ all }: Parts, state: ListedState): Promise<number> {
  const counts = await Promise.all(
    all.map(async ({ name, engine }) => queueStats(name, await engine.stats())[state]),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function decodePartCursor(cursor: string | undefined, count: number): [place: number, inner: string] {
  if (cursor === undefined) return [0, ""];
  const match = /^(\d{1,3})~([A-Za-z0-9_-]*)$/.exec(cursor);
  if (!match || Number(match[1]) >= count) throw invalidCursor();
  return [Number(match[1]), match[2] ?? ""];
}

export const invalidCursor = () =>
  new HoldfastError("invalid_cursor", "this cursor is not valid: start again without one");

/** The estimated time of Redis, from which durations in a query are counted. */
export const nowOf = (parts: Parts) => engineAt(parts, 0).connection.now();

/** Checks the size of a page. @throws HoldfastError invalid_argument */
export function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= LIMITS.pageTasks) return;
  throw new HoldfastError("invalid_argument", `limit has to be 1 to ${LIMITS.pageTasks}, got ${limit}`);
}

/** Lists the tasks of one queue or partition. @param queue the queue name that the tasks show */
export async function listPart(queue: string, engine: Engine, options: ListOptions): Promise<TaskPage> {
  const { state, cursor, limit = 50, signal, ...rest } = options;
  const filter = new CompiledFilter(rest, engine.connection.now());
  checkLimit(limit);
  if (!LISTED_STATES.includes(state))
    throw new HoldfastError(
      "invalid_argument",
      `state has to be one of ${LISTED_STATES.join(", ")}, got ${String(state).slice(0, 100)}`,
    );
  const indexes = INDEXES[state];
  const span = filter.spanOf(state);
  let { at, after } =
    cursor === undefined ? { at: 0, after: entryOf(state, span) } : decodeCursor(cursor, indexes);
  const total = queueStats(engine.queue, await engine.stats())[state];
  const tasks: TaskView[] = [];
  if (!filter.admitsQueue(queue) || !filter.states.includes(state))
    return { tasks, cursor: null, scanned: 0, total };
  if (filter.ids) {
    const named = await readTasks(queue, engine, filter.ids);
    const found = named.filter((task) => task.state === state && filter.matches(task));
    return { tasks: found, cursor: null, scanned: named.length, total };
  }
  let scanned = 0;
  let pageSize: number = LIMITS.pageTasks;
  while (tasks.length < limit && scanned < SCANNED) {
    signal?.throwIfAborted();
    const [index, order] = indexes[at] as Index;
    const page = await engine.list(index, order, after, Math.min(limit - tasks.length, pageSize));
    scanned += page.ids.length;
    const found = await engine.get(page.ids);
    pageSize = nextPageSize(found, pageSize);
    let isPast = false;
    for (const raw of found) {
      const task = taskView(queue, raw);
      if (task?.state !== state) continue;
      // The list of tasks with `keep` is sorted by the time of their removal, so a task outside of the span does not
      // end the search.
      isPast = index !== "kept" && isPastSpan(task, state, span);
      if (isPast) break;
      if (filter.matches(task)) tasks.push(task);
    }
    after = isPast ? "" : page.cursor;
    if (after === "") {
      at++;
      if (at >= indexes.length) return { tasks, cursor: null, scanned, total };
    }
  }
  return { tasks, cursor: encodeCursor(at, after), scanned, total };
}

/** Reads the tasks with these ids in one queue or partition. @param queue the queue name that the tasks show */
export async function readTasks(queue: string, engine: Engine, ids: readonly string[]): Promise<TaskView[]> {
  const tasks: TaskView[] = [];
  for (let at = 0; at < ids.length; at += LIMITS.pageTasks) {
    for (const raw of await engine.get(ids.slice(at, at + LIMITS.pageTasks))) {
      const task = taskView(queue, raw);
      if (task) tasks.push(task);
    }
  }
  return tasks;
}

/** Returns a task, and the partition that has it; null if there is no such task. */
export async function findTask(parts: Parts, id: string): Promise<{ task: TaskView; part: Part } | null> {
  for (const part of parts.allOfId(id)) {
    const [raw] = await part.engine.get([id]);
    const task = raw ? taskView(parts.queue, raw) : null;
    if (task) return { task, part };
  }
  return null;
}
