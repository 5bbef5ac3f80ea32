import {
  LIMITS,
  type Limit,
  type QueueStats,
  type TaskKeyView,
  type TaskState,
  type TaskView,
  type WorkerView,
} from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import type { KeysPage } from "../engine/limits.ts";
import type { StoredLimit } from "../engine/shared-limits.ts";
import { encodeWord } from "../engine/text.ts";
import { runsType } from "../engine/type-rules.ts";
import { isOfPartitions } from "../shares/dealer.ts";

/** Explains why a task does not run, or that it runs. */
export interface Why {
  /** The state of the task. */
  state: TaskState;
  /** The reason as one word, which does not change. */
  reason:
    | "paused"
    | "after"
    | "waiting"
    | "no_worker_for_type"
    | "no_workers"
    | "workers_draining"
    | "workers_paused"
    | "not_due"
    | "overdue"
    | "running"
    | "worker_lost"
    | "solo"
    | "limited"
    | "skipped"
    | "terminal";
  /** The reason as a sentence. */
  detail: string;
  /** How many tasks of its priority or key are before the task; null if that is not known. */
  position: number | null;
  /** Whether `position` is an estimate. */
  positionIsEstimate: boolean;
  /** When the task will probably start, ms since the epoch; null if that is not known. */
  expectedStartAt: number | null;
}

// Janitors act as soon as a lease ends or a task becomes due. A longer delay than this is reported, ms.
const LATE_MS = 2_000;

/** What is known about the queue and the workers around a task. */
export interface Surroundings {
  stats: QueueStats;
  workers: WorkerView[];
  /** How many janitors run. */
  janitors: number;
  /**
   * How many tasks of its priority or key are before the task; null if it was not found among the entries that were
   * read.
   */
  position: number | null;
  acksPerSecond: number;
  /** The limits of the queue or partition, and of the key of the task. */
  limits: KeysPage;
  /** The limits that queues and partitions share. */
  shared: readonly StoredLimit[];
}

export function explain(task: TaskView, around: Surroundings): Why {
  const { stats, workers, position, acksPerSecond } = around;
  const why = (reason: Why["reason"], detail: string, more: Partial<Why> = {}): Why => ({
    state: task.state,
    reason,
    detail,
    position: null,
    positionIsEstimate: false,
    expectedStartAt: null,
    ...more,
  });
  if (task.state === "processing") {
    const asked = task.cancelRequested ? "; a cancel was requested" : "";
    const gone = whatBecameOf(workers.find(({ id }) => id === task.workerId));
    const lease = leaseOf(task, around, gone !== null);
    if (gone === null)
      return why("running", `attempt ${task.attempts} runs on worker ${task.workerId}${asked}${lease}`);
    return why(
      "worker_lost",
      `attempt ${task.attempts} was on worker ${task.workerId}, which ${gone}${asked}${lease}`,
    );
  }
  if (task.state !== "pending" && task.state !== "scheduled")
    return why("terminal", `it is ${task.state}, which is final`);
  const live = workers.filter((worker) => worker.state === "running" && worker.queues.includes(task.queue));
  if (task.state === "scheduled") {
    const lateMs = task.runAt === null ? 0 : stats.at - task.runAt;
    if (lateMs > LATE_MS)
      return why(
        "overdue",
        `it was due ${ago(lateMs)}: ${janitorsOf(around, "move it to the waiting tasks")}`,
      );
    const wait =
      waitOf(task) ??
      (task.failures > 0
        ? `it failed ${task.failures === 1 ? "once" : `${task.failures} times`} and waits for its retry`
        : "it is not due yet");
    return why("not_due", wait, { expectedStartAt: task.runAt });
  }
  if (stats.paused)
    return why(
      "paused",
      stats.pauseReason ? `the queue is paused: ${stats.pauseReason}` : "the queue is paused",
    );
  const draining = workers.filter(
    (worker) =>
      (worker.state === "draining" || worker.state === "drained") && worker.queues.includes(task.queue),
  );
  const paused = workers.filter(({ state, queues }) => state === "paused" && queues.includes(task.queue));
  if (live.length === 0 && paused.length > 0)
    return why(
      "workers_paused",
      `${paused.length === 1 ? `worker ${paused[0]?.id}` : `${paused.length} workers`} of queue "${task.queue}" ${paused.length === 1 ? "runs, but its program does" : "run, but their programs do"} not ask for tasks at the moment: the task waits for the next acquire or resume there, or for another worker`,
    );
  if (live.length === 0 && draining.length > 0)
    return why(
      "workers_draining",
      `${draining.length === 1 ? "the only worker" : `all ${draining.length} workers`} of queue "${task.queue}" ${draining.length === 1 ? "drains" : "drain"}: resume one, or start another`,
    );
  if (live.length === 0) return why("no_workers", `no worker runs queue "${task.queue}"`);
  const fitting = live.filter((worker) => runsType(worker.types, task.type)).length;
  if (fitting === 0) {
    const nobody =
      live.length === 1
        ? "the only running worker has no"
        : `none of the ${live.length} running workers has a`;
    const since =
      task.unroutedSince === null
        ? ""
        : `; it has waited since ${new Date(task.unroutedSince).toISOString()}`;
    return why("no_worker_for_type", `${nobody} handler for "${task.type}"${since}`);
  }
  if (task.solo)
    return why(
      "solo",
      "it crashed its worker twice, so it runs alone, as soon as a worker holds no other task",
    );
  const limited = limitOf(task, around);
  if (limited) return why("limited", limited.detail, limited);
  const aside = task.unroutedSince !== null;
  const before = position ?? (aside ? stats.pendingTyped : stats.pending);
  const forWhom = aside
    ? `; it waits for a worker with a handler for "${task.type}" (${fitting} of ${live.length} have one), or until its batch there is full`
    : "";
  return why("waiting", `${before} ${before === 1 ? "task is" : "tasks are"} before it${forWhom}`, {
    position: before,
    positionIsEstimate: position === null,
    expectedStartAt: acksPerSecond > 0 ? Math.round(stats.at + (before / acksPerSecond) * 1000) : null,
  });
}

/** Describes what a suspended handler waits for; null for any other task. */
function waitOf({ waitsFor }: TaskView): string | null {
  if (waitsFor === null) return null;
  if (waitsFor.length === 0) return "its handler sleeps";
  const called = waitsFor.filter((event) => event.startsWith("=")).map((event) => event.slice(1));
  const events = waitsFor.filter((event) => !event.startsWith("="));
  const parts = [
    ...(events.length > 0 ? [`the signal ${events.map((event) => `"${event}"`).join(" or ")}`] : []),
    ...(called.length > 0 ? [`the end of task ${called.join(", ")}, which it called`] : []),
  ];
  return `its handler waits for ${parts.join(", or ")}`;
}

/** Returns the limit that blocks the task: that of the queue, of its key or of its type; null if there is none. */
function limitOf(task: TaskView, around: Surroundings) {
  const { limits: page, position, stats } = around;
  const { limits, keys } = page;
  if (limits.blockedBy === "shared") return sharedLimitOf(task, around);
  const [key] = keys;
  const type = limits.types.find((each) => each.type === task.type);
  const candidates = [
    [limits, limits.limits.queue, `the queue "${task.queue}"`],
    [key, key?.limit ?? limits.limits.key, `the key "${task.key}"`],
    [type, limits.limits.types?.[task.type], `the type "${task.type}"`],
  ] as const;
  const blocking = candidates.find(([candidate]) => candidate !== undefined && candidate.blockedBy !== null);
  if (!blocking) return null;
  const [view, limit, whose] = blocking as [TaskKeyView, Limit | undefined, string];
  const { rate, concurrency } = limit ?? {};
  const before = position ?? 0;
  const held =
    view.blockedBy === "hold"
      ? `${whose} is held for another ${spanOf((view.heldUntil ?? 0) - stats.at)}`
      : view.blockedBy === "stopped"
        ? `${whose} stopped when one of its tasks died: replay that dead letter, or end the hold`
        : view.blockedBy === "concurrency"
          ? `${view.running} of ${concurrency} tasks of ${whose} run`
          : `the rate of ${whose}, ${rate?.limit} per ${spanOf(rate?.periodMs ?? 0)}, is used up`;
  const line = `; ${before} ${before === 1 ? "task is" : "tasks are"} before it`;
  return {
    detail: held + (position === null ? "" : line),
    position,
    expectedStartAt:
      view.blockedBy === "concurrency"
        ? afterEnds(before + 1, view.running, around)
        : view.nextAt === null
          ? null
          : view.nextAt + Math.round(rate ? (before * rate.periodMs) / rate.limit : 0),
  };
}

/**
 * Estimates when this many tasks under a limit will have ended, at the rate at which tasks of the queue complete.
 * @returns null if that rate is not known
 */
function afterEnds(ends: number, running: number, { stats, acksPerSecond }: Surroundings): number | null {
  const perSecond = (acksPerSecond * running) / Math.max(running, stats.processing);
  return perSecond > 0 ? Math.round(stats.at + (ends / perSecond) * 1_000) : null;
}

/** Explains a task that waits because its queue has used up its share of a shared limit. */
function sharedLimitOf(task: TaskView, { limits: { limits, shares }, shared, position }: Surroundings) {
  const share =
    shares.find(({ limit }) => limit.concurrency !== undefined && limits.running >= limit.concurrency) ??
    shares[0];
  const whole = shared.find(({ name }) => name === share?.name);
  // The other queues are only counted, because the reader may not be allowed to see them.
  const others = (whole?.queues.length ?? 1) - 1;
  const [what, sharers] = isOfPartitions(share?.name ?? "")
    ? [`the limit of queue "${task.queue}"`, "all its partitions"]
    : [`limit "${share?.name}"`, `${others} other ${others === 1 ? "queue" : "queues"}`];
  const { concurrency, rate } = whole?.limit ?? {};
  const isFull = share?.limit.concurrency !== undefined && limits.running >= share.limit.concurrency;
  return {
    detail: isFull
      ? `queue "${task.queue}" runs ${limits.running} tasks and may run ${share.limit.concurrency} now: its share of ${what} (${concurrency} with ${sharers})`
      : `the share of queue "${task.queue}" in ${what} is used up (${rate?.limit} per ${spanOf(rate?.periodMs ?? 0)} with ${sharers})`,
    position,
    expectedStartAt: limits.nextAt,
  };
}

/** Describes what happened to a worker that is gone; null for a worker that runs. */
function whatBecameOf(worker: WorkerView | undefined): string | null {
  if (worker === undefined) return "is not registered any more";
  if (worker.state === "lost") return `was last heard of ${ago(worker.heartbeatAgeMs)}`;
  return worker.state === "stopped" ? "has stopped" : null;
}

function leaseOf(task: TaskView, around: Surroundings, isGone: boolean): string {
  if (task.leaseExpiresAt === null) return "";
  const leftMs = task.leaseExpiresAt - around.stats.at;
  const next = janitorsOf(around, "give it to another worker");
  if (leftMs < -LATE_MS) return `; its lease ended ${ago(-leftMs)}: ${next}`;
  return isGone ? `; its lease ends in ${spanOf(Math.max(0, leftMs))}: then ${next}` : "";
}

function janitorsOf({ janitors }: Surroundings, todo: string): string {
  if (janitors === 0) return `a janitor has to ${todo}, and none runs: start one`;
  return janitors === 1 ? `the janitor will ${todo}` : `one of ${janitors} janitors will ${todo}`;
}

const ago = (ms: number) => `${spanOf(ms)} ago`;

export function spanOf(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

// The position of a task is searched among this many tasks. Beyond that it is not known.
const POSITION_EXACT = 10_000;

/**
 * Returns how many tasks are before this one, among those of its priority or of its key; null beyond 10,000, and for a
 * task that is in neither list.
 */
export async function positionOf(engine: Engine, task: TaskView): Promise<number | null> {
  if (task.state !== "pending" || task.solo) return null;
  const band = task.priority === "high" ? "pendingHigh" : task.priority === "low" ? "pendingLow" : "pending";
  const index = task.key === null ? band : "pendingKeyed";
  // The waiting tasks of all keys are in one index, sorted by key.
  let cursor = task.key === null ? "" : `0:${encodeWord(task.key)} `;
  for (let before = 0; before < POSITION_EXACT; before += LIMITS.scriptTasks) {
    const page = await engine.list(
      index,
      task.key === null ? "waiting" : "typed",
      cursor,
      LIMITS.scriptTasks,
    );
    const at = page.ids.indexOf(task.id);
    if (at >= 0) return before + at;
    if (page.cursor === "") return null;
    cursor = page.cursor;
  }
  return null;
}
