import type { ChangesView } from "./change.ts";
import type { Keep } from "./keep.ts";
import type { AttemptOutcome, DeadReason, Priority, TaskState } from "./states.ts";
import type { Unique, UniqueView } from "./unique.ts";

/** Options as they are kept: a missing option is absent, not undefined. */
export type Given<Options> = Options extends readonly unknown[]
  ? Options
  : Options extends object
    ? { [Name in keyof Options]: Given<Exclude<Options[Name], undefined>> }
    : Options;

/**
 * The wait before retry number n is `baseMs * 2^(n-1)`, at most `maxMs`. With full jitter it is a random part of that
 * time.
 */
export interface Backoff {
  /** @default "exponential" */
  kind?: "exponential" | "fixed" | undefined;
  /** Milliseconds, 0 to 86_400_000. @default 1_000 */
  baseMs?: number | undefined;
  /** Milliseconds. @default 3_600_000 */
  maxMs?: number | undefined;
  /** `full` waits a random time up to the computed one, `none` exactly the computed one. @default "full" */
  jitter?: "full" | "none" | undefined;
}

/** Where a task has to be stored before its enqueue is confirmed. */
export const DURABILITIES = ["memory", "fsynced", "replicated"] as const;

/**
 * Where a task has to be stored before its enqueue is confirmed: in the memory of Redis, on its disk, or on replicas.
 */
export type Durability = (typeof DURABILITIES)[number];

/** Options of an enqueue. */
export interface TaskOptions {
  /** An id from the caller, `[A-Za-z0-9_.:-]{1,128}`, makes the enqueue idempotent. @default minted, 14 characters */
  id?: string | undefined;
  /**
   * With an `id`: the effect of the enqueue if the task with that id ended without completing (cancelled, expired,
   * dead, discarded, emptied). "again": it is enqueued as a new life of that task, with this body. "duplicate": the id
   * stays taken, as that of a completed task does: the receipt says `duplicate` and `willRun: false`, and another body
   * is a conflict. Either way an id is forgotten some time after the end (setting `idempotencyMs`). @default "again"
   */
  ifEnded?: "again" | "duplicate" | undefined;
  /**
   * Tasks with the same key go to one partition and are granted in the order of their enqueues within one priority
   * (docs/guarantees.md). A queue without partitions grants all tasks in this order. 1 to 256 characters. Excludes
   * `id`.
   */
  partitionKey?: string | undefined;
  /**
   * Tasks with the same key wait in a line of their own: one for each tenant, customer or domain, for example. The keys
   * take turns, and limits of the queue may apply to each key (docs/flow-control.md). 1 to 128 bytes of UTF-8.
   */
  key?: string | undefined;
  /** How much of a rate the task uses, 1 to 1,000,000. A cost above the `burst` of a limit is refused. @default 1 */
  cost?: number | undefined;
  /** Accepts the task only if no other task holds this unique key (docs/unique.md). */
  unique?: Unique | undefined;
  /**
   * The version of the handler that the task needs, from 1. It becomes part of the type, `order@2`, so only a worker
   * with a handler for `order@2`, or for a prefix of it, runs the task. @default none
   */
  version?: number | undefined;
  /** @default "normal" */
  priority?: Priority | undefined;
  /**
   * The task is not granted before this many milliseconds of Redis time from now, 0 to 365 days. 0: pending at once.
   * Cannot be combined with `runAt`.
   */
  delayMs?: number | undefined;
  /**
   * The task is not granted before this moment of Redis time, ms since the epoch. In the past: pending at once.
   * Cannot be combined with `delayMs`.
   */
  runAt?: number | undefined;
  /** Retries after the first attempt, 0 to 100. @default the worker's MAX_RETRIES */
  maxRetries?: number | undefined;
  /**
   * Wait before a retry. @default the backoff of the handler or the worker: exponential from 1 s to 1 h, full jitter
   */
  backoff?: Backoff | undefined;
  /** Time-out of one attempt, ms, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /**
   * A task that is acquired after this moment (ms since the epoch, Redis time) becomes `expired`. An attempt that runs
   * at this moment continues, unless its handler or worker has `abortAtExpiry`. That option makes the moment a
   * deadline.
   */
  expiresAt?: number | undefined;
  /** At most 16 tags of at most 64 characters. */
  tags?: string[] | undefined;
  /** `false` drops the payload at the moment of completion; a dead letter always keeps it. @default true */
  keepPayload?: boolean | undefined;
  /** How long the task is kept after its end, instead of the settings of the queue. */
  keep?: Keep | undefined;
  /**
   * Where a task is stored before its enqueue is confirmed: in the memory of Redis, on its disk, or on a replica.
   * @default the setting of the queue
   */
  durability?: Durability | undefined;
  /**
   * W3C Trace Context of the caller, `00-<trace id>-<span id>-<flags>`. It is stored with the task, and its attempts
   * belong to this trace.
   */
  traceparent?: string | undefined;
  /** W3C tracestate, with a `traceparent`. */
  tracestate?: string | undefined;
  /** With durability "replicated": the number of replicas that have to confirm, 1 to 16. @default 1 */
  replicas?: number | undefined;
}

/** Options of a task that is given as text. */
export interface FingerprintedOptions extends TaskOptions {
  /** Decides whether a task with the same id has the same body. @default a hash of type, options and payload */
  fingerprint?: string | undefined;
}

/** One attempt in the history of a task. */
export interface AttemptView {
  /** Counted from 1 within the generation. */
  attempt: number;
  /** 0 for the attempts before the first replay; each replay raises it by 1. */
  generation: number;
  /** How the attempt ended. */
  outcome: AttemptOutcome;
  /** The worker that ran the attempt. */
  workerId: string;
  /** The part of the token that Redis keeps, before the dot. All tasks of one grant share this part. */
  fence: string;
  /** Milliseconds since the epoch, Redis time. */
  startedAt: number;
  /** Milliseconds since the epoch, Redis time; null while it runs. */
  endedAt: number | null;
  /** The error of the handler with its causes; null without one. */
  error: string | null;
}

/** How important a log line is. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** How important a log line is. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** When a log line was written, and how important it is. */
export interface LogMark {
  /** Milliseconds since the epoch, Redis time; null for a line from a version that kept no times. */
  at: number | null;
  /** The level that the handler gave; `info` if it gave none. */
  level: LogLevel;
}

/** A replay of a task. It begins a new generation, with attempts at zero. */
export interface ReplayView {
  /** The generation that the replay began, 1 for the first replay. */
  generation: number;
  /** Milliseconds since the epoch, Redis time. */
  at: number;
}

/** The occurrence of a schedule that a task was enqueued for. */
export interface TaskSchedule {
  /** The id of the schedule. */
  id: string;
  /** Counted from 1 over all occurrences that the schedule enqueued; null if an operator started the run. */
  run: number | null;
  /** The time of the occurrence, ms since the epoch, Redis time. */
  dueAt: number;
}

/** The place of a task in a flow. */
export interface TaskFlow {
  /** The id of the flow. */
  id: string;
  /** The name of the node; of a callback its moment. */
  name: string;
  /** While it waits: how many nodes before it have not ended. Otherwise 0. */
  waitsFor: number;
  /** The id of the task because of which it was skipped; null if it was not, or if the whole flow was cancelled. */
  skippedBy: string | null;
}

/** The state of one task. Times are milliseconds since the epoch. */
export interface TaskView {
  /** The id that the producer gave or that was minted. */
  id: string;
  /** The name of its queue, without the number of a partition. */
  queue: string;
  /** Chooses the handler. With a version it ends with `@<version>`. */
  type: string;
  /** Where the task is in its life (docs/state-machine.md). */
  state: TaskState;
  /** The band from which the task is granted. */
  priority: Priority;
  /** The exact text that was enqueued; "" if it was not kept. */
  payloadText: string;
  /** Bytes of the payload, UTF-8. */
  payloadBytes: number;
  /** False once the task completed with `keepPayload: false`. */
  payloadKept: boolean;
  /** The exact JSON text that the handler returned, once completed. */
  resultText: string | null;
  /** Attempts of this generation, counted at acquire. */
  attempts: number;
  /** Attempts that the handler ended with an error. */
  failures: number;
  /** Attempts whose lease expired. */
  crashes: number;
  /** How often an attempt was handed back without being used up. */
  releases: number;
  /** Raised by each replay, 0 at first. */
  generation: number;
  /** A dead letter that was replayed before. */
  diedAgain: boolean;
  /** Retries after the first attempt; null if the worker decides. */
  maxRetries: number | null;
  /** Time-out of one attempt, ms; null for the default. */
  timeoutMs: number | null;
  /** Wait before a retry; null if the handler or the worker decides. */
  backoff: Given<Backoff> | null;
  /** The tags of the enqueue; empty without any. */
  tags: string[];
  /** How long it is kept after its end, where the task says so. */
  keep: Given<Keep> | null;
  /** When it is removed because of `keep`; null as long as no such time is known. */
  keptUntil: number | null;
  /** The key in whose line the task waits (flow control); null without one. */
  key: string | null;
  /** How much of a rate the task uses. */
  cost: number;
  /** Null without a unique key. */
  unique: UniqueView | null;
  /** Null unless a schedule enqueued it. */
  schedule: TaskSchedule | null;
  /** Null unless it is a node or a callback of a flow. */
  flow: TaskFlow | null;
  /** The trace that the task belongs to, 32 hex digits; null without one. */
  traceId: string | null;
  /** When the task was enqueued. */
  enqueuedAt: number;
  /** When a scheduled task is due. */
  runAt: number | null;
  /** When the task expires if no worker has taken it; null for never. */
  expiresAt: number | null;
  /** When the current lease expires. */
  leaseExpiresAt: number | null;
  /** When the task reached its terminal state. */
  endedAt: number | null;
  /** The worker that runs the task, or ran it last; null before the first attempt. */
  workerId: string | null;
  /** The part of the token of the present or last lease that Redis keeps: the part before the dot. */
  fence: string | null;
  /** Whether the worker of a running task was asked to stop it. */
  cancelRequested: boolean;
  /** True after the task crashed its worker twice; it then runs alone. */
  solo: boolean;
  /** Since when no worker has had a handler for the type of the task, ms since the epoch; null if a worker has one. */
  unroutedSince: number | null;
  /**
   * The events for which the handler waits, where `=<id>` is the end of a called task. Empty if the handler sleeps;
   * null if it neither waits nor sleeps.
   */
  waitsFor: string[] | null;
  /** Why the task is a dead letter; null otherwise. */
  deadReason: DeadReason | null;
  /** The signature of the error under which a dead letter is counted; null if there is none. */
  signature: string | null;
  /** The error of the last attempt that failed; null without one. */
  lastError: string | null;
  /** The JSON text of the last progress that the handler reported; null without one. */
  progress: string | null;
  /** Size of the checkpoint that a handler kept for the next attempt, bytes; null without one. */
  checkpointBytes: number | null;
  /** The last 50 lines that handlers logged, oldest first. */
  log: string[];
  /** The time and the level of each line of `log`, in the same order. */
  logMarks: LogMark[];
  /** Every attempt, oldest first. Of attempts and replays together at most the last 32 are kept. */
  history: AttemptView[];
  /** Every replay of the task in its own queue, oldest first. */
  replays: ReplayView[];
  /** The changes while it waited; null if there were none. */
  changes: ChangesView | null;
}

/** Counts of one queue at one moment. */
export interface QueueStats {
  /** The name of the queue. */
  queue: string;
  /** Redis time, ms since the epoch. */
  at: number;
  /** Nodes of flows that wait for other nodes. */
  waiting: number;
  /** Tasks that a worker may take, including those that limits hold back. */
  pending: number;
  /** The pending tasks by their band, without those that have to run alone or are put aside. */
  pendingByPriority: Record<Priority, number>;
  /** Pending tasks that have to run alone. */
  pendingSolo: number;
  /** Pending tasks that are put aside until a worker with a handler for their type asks for tasks. */
  pendingTyped: number;
  /** Pending tasks with a key. */
  pendingKeyed: number;
  /** Tasks that workers hold. */
  processing: number;
  /** Tasks that wait for their time or for a retry. */
  scheduled: number;
  /** Completed tasks that are still kept. */
  completed: number;
  /** Dead letters. */
  dead: number;
  /** Cancelled tasks that are still kept. */
  cancelled: number;
  /** Expired tasks that are still kept. */
  expired: number;
  /** Whether no task of the queue is granted. */
  paused: boolean;
  /** The reason that was given for the pause; null if the queue is not paused. */
  pauseReason: string | null;
  /** Since when, ms since the epoch, Redis time; null if it is not paused. */
  pausedAt: number | null;
  /** Who paused the queue; null if no name was given. */
  pausedBy: string | null;
  /** How many partitions the queue has; null if it has none. */
  partitions: number | null;
  /** Age of the oldest pending task, ms; 0 if none is pending. */
  oldestPendingAgeMs: number;
  /**
   * Scheduled tasks whose handler sleeps or waits for a signal. If more than 500 tasks are scheduled, this is an estimate
   * from 500 of them.
   */
  suspended: number;
  /** Flows that have not ended. */
  flows: number;
  /** Age of the oldest flow that is sealed and has not ended, ms; 0 without one. */
  oldestFlowAgeMs: number;
  /** What the limits of the queue allow now. */
  flow: QueueFlow;
  /** Totals since the queue was created. */
  totals: QueueTotals;
  /** The settings that operators can change. */
  settings: QueueSettings;
}

/** How many pending tasks the limits of a queue allow to start at one moment (docs/flow-control.md). */
export interface QueueFlow {
  /**
   * Pending tasks that workers could start now: 0 while the queue is paused. Exact for up to 100 ready keys; each
   * further key counts as the mean of these.
   */
  runnable: number;
  /** How many tasks of the queue may run at one time; null for no limit. */
  concurrency: number | null;
  /** How many keys have a task that may start now. */
  keysReady: number;
  /**
   * Keys that are looked at again at a known time: a rate or a hold lets none of their tasks start before that time, or
   * their account is kept until then.
   */
  keysResting: number;
  /** How many keys are held, of the 100 resting keys that rest longest. */
  keysHeld: number;
  /** The end of the last hold of the queue or of one of these keys, ms since the epoch; null if none is held. */
  heldUntil: number | null;
}

/** Counters that only grow. */
export interface QueueTotals {
  /** Tasks that were accepted. */
  enqueued: number;
  /** Enqueues that found their task there already. */
  deduplicated: number;
  /** How many leases were granted. */
  attempts: number;
  /** Attempts that completed their task. */
  acked: number;
  /** Attempts that ended with an error. */
  failed: number;
  /** Failed attempts after which the task waited for another one. */
  retried: number;
  /** Leases that expired. */
  crashed: number;
  /** Attempts that were handed back without being used up. */
  released: number;
  /** Tasks that became dead letters. */
  deadLettered: number;
  /** Dead letters that were replayed. */
  replayed: number;
  /** Scheduled tasks that became pending. */
  promoted: number;
  /** Tasks that were cancelled. */
  cancelled: number;
  /** Tasks whose `expiresAt` passed before a worker took them. */
  expired: number;
  /** Verdicts that were refused because their lease was lost. */
  stale: number;
  /** Ended tasks that were removed after their retention. */
  purged: number;
  /** Dead letters that a cap of the queue dropped. They are counted as purged too. */
  dropped: number;
}

/** A verdict that was refused because its lease had been lost. Times are milliseconds. */
export interface StaleVerdict {
  /** The id of the task. */
  id: string;
  /** The queue of the task. */
  queue: string;
  /** The type of the task. */
  type: string;
  /** The token of the refused verdict. */
  token: string;
  /** The fence of the present lease, if there is one. */
  currentFence: string | null;
  /** The attempt whose verdict was refused, from 1. */
  attempt: number;
  /** The worker that sent the verdict. */
  workerId: string;
  /** When the refusal was recorded, ms since the epoch, by the worker's estimate of the Redis time. */
  at: number;
  /** How long the attempt continued after the end of its lease; null if that is no longer known. */
  lateMs: number | null;
  /** How long the next attempt ran at the same time; 0 if none had begun. */
  overlapMs: number;
}

/** Settings of a queue that an operator can change. */
export interface QueueSettings {
  /** How many tasks may wait (pending and scheduled) before enqueues are refused. 0: no limit. @default 0 */
  maxWaiting: number;
  /** How long completed, cancelled and expired tasks are kept, ms. @default 86_400_000 */
  retentionMs: number;
  /** How many tasks of each of these states are kept at most. @default 10_000 */
  retentionCount: number;
  /** How long an id given by a caller is remembered after the task ended, ms. @default 3_600_000 */
  idempotencyMs: number;
  /** The durability of enqueues without this option. @default "memory" */
  durability: Durability;
  /**
   * How many dead letters are kept at most: if there are more, janitors drop the oldest ones for good. 0: no cap.
   * @default 0
   */
  maxDead: number;
  /** How long dead letters are kept at most, ms: janitors drop older ones for good. 0: no cap. @default 0 */
  maxDeadAgeMs: number;
  /**
   * At least how many events of tasks are kept for readers (docs/events.md); older ones are removed. 0: the queue keeps
   * none. @default 0
   */
  maxEvents: number;
}

/** The registration of a worker. */
export interface WorkerView {
  /** The id of the worker. */
  id: string;
  /** The queues that it works on. */
  queues: string[];
  /** The types and prefixes that it has handlers for, in alphabetical order. */
  types: string[];
  /** The name of its machine. */
  host: string;
  /** The id of its process. */
  pid: number;
  /** The version that its program gave. */
  version: string;
  /** How many tasks it may run at the same time. */
  slots: number;
  /** How many tasks it holds. */
  busy: number;
  /** When the worker was made, ms since the epoch, by the clock of its machine. */
  startedAt: number;
  /** When it was last registered, ms since the epoch, Redis time. */
  heartbeatAt: number;
  /** The time since then, ms. */
  heartbeatAgeMs: number;
  /**
   * `drained`: the worker was asked to drain and holds no tasks. `paused`: the worker takes no new tasks now. Its program
   * called `worker.pause()`, or it is a `ManualWorker` and no call of `acquire` is waiting for tasks.
   */
  state: "running" | "paused" | "draining" | "drained" | "stopped" | "lost";
  /** Its running tasks, at most 100. Only present for a single worker, not in the live stream. */
  tasks?: CurrentTask[];
}

/** A task that a worker is running. */
export interface CurrentTask {
  /** The id of the task. */
  id: string;
  /** Its queue. */
  queue: string;
  /** The type or prefix of the handler that runs it. */
  type: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}
