import { type DeadReason, LIMITS, type TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { signatureOf } from "../engine/signature.ts";
import type { Parts } from "../partitions/parts.ts";
import { pagesOf } from "./match.ts";
import type { GroupOptions } from "./observer-options.ts";
import { queueStats } from "./queue-stats.ts";

/** Dead letters of one type that died for the same reason with the same error. */
export interface DeadLetterGroup {
  /**
   * The first line of the last error without its numbers and ids. If that line does not say what failed, such as "fetch
   * failed", the innermost known cause follows in brackets.
   */
  signature: string;
  /** The type of the tasks. */
  type: string;
  /** Why they died. */
  reason: DeadReason;
  /** How many dead letters the group has. */
  count: number;
  /** How many of these dead letters were replayed before and died again. */
  diedAgain: number;
  /** When the first of them died, ms since the epoch. */
  firstAt: number;
  /** When the last of them died, ms since the epoch. */
  lastAt: number;
  /** How many tasks died in each of 12 equal parts of the time that was looked at, oldest first. */
  trend: number[];
  /** The ids of at most 5 of them. */
  sampleIds: string[];
}

/** The dead letters of a queue, grouped by their errors. The largest group comes first. */
export interface DeadLetterGroups {
  /** At most 200 groups. */
  groups: DeadLetterGroup[];
  /** How many dead letters were read, newest first. */
  scanned: number;
  /** How many dead letters the queue has. */
  total: number;
  /** The begin of each `trend`, ms since the epoch. */
  trendFrom: number;
  /** The end of each `trend`, ms since the epoch. */
  trendTo: number;
}

const SAMPLES = 5;
const TREND_BUCKETS = 12;
const MAX_GROUPS = 200;

/** The fields that decide to which group a dead letter belongs. */
export type DeadFacts = Pick<TaskView, "id" | "type" | "deadReason" | "lastError" | "endedAt" | "diedAgain">;

/** Groups dead letters. @param until the end of the trend, which is the present, ms since the epoch */
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
  return {
    groups: largestFirst(groups.values()).slice(0, MAX_GROUPS),
    scanned: tasks.length,
    trendFrom,
    trendTo,
  };
}

function largestFirst(groups: Iterable<DeadLetterGroup>): DeadLetterGroup[] {
  return [...groups].sort((a, b) => b.count - a.count || b.lastAt - a.lastAt);
}

/** Reads dead letters and groups them by type, reason and error. */
export async function deadLetterGroups({ all }: Parts, options: GroupOptions): Promise<DeadLetterGroups> {
  const scan = Math.ceil((options.scan ?? LIMITS.groupedDeadLetters) / all.length);
  return mergeGroups(await Promise.all(all.map(({ engine }) => groupsOf(engine, { ...options, scan }))));
}

async function groupsOf(engine: Engine, options: GroupOptions): Promise<DeadLetterGroups> {
  const stats = queueStats(engine.queue, await engine.stats());
  const { scan = LIMITS.groupedDeadLetters, signal } = options;
  const newest: DeadFacts[] = [];
  for await (const page of pagesOf(engine, "dead", signal)) {
    // Only the fields that form a group are kept, because the payloads of all these tasks would need too much memory.
    for (const { id, type, deadReason, lastError, endedAt, diedAgain } of page.slice(0, scan - newest.length))
      newest.push({ id, type, deadReason, lastError, endedAt, diedAgain });
    if (newest.length >= scan) break;
  }
  return { ...groupDead(newest, stats.at), total: stats.dead };
}

/** Joins the groups of several partitions if they have the same type, reason and signature. */
export function mergeGroups(all: readonly DeadLetterGroups[]): DeadLetterGroups {
  const groups = new Map<string, DeadLetterGroup>();
  for (const group of all.flatMap((part) => part.groups)) {
    const key = `${group.type}\n${group.reason}\n${group.signature}`;
    const other = groups.get(key) ?? {
      ...group,
      count: 0,
      diedAgain: 0,
      trend: group.trend.map(() => 0),
      sampleIds: [],
    };
    groups.set(key, {
      ...other,
      count: other.count + group.count,
      diedAgain: other.diedAgain + group.diedAgain,
      firstAt: Math.min(other.firstAt, group.firstAt),
      lastAt: Math.max(other.lastAt, group.lastAt),
      trend: other.trend.map((deaths, at) => deaths + (group.trend[at] ?? 0)),
      sampleIds: [...other.sampleIds, ...group.sampleIds].slice(0, SAMPLES),
    });
  }
  return {
    groups: largestFirst(groups.values()),
    scanned: all.reduce((sum, { scanned }) => sum + scanned, 0),
    total: all.reduce((sum, { total }) => sum + total, 0),
    trendFrom: Math.min(...all.map(({ trendFrom }) => trendFrom)),
    trendTo: Math.max(...all.map(({ trendTo }) => trendTo)),
  };
}
