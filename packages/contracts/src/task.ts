// The types of a task. The file has more than 500 lines, because nearly every member has a doc comment for its users.
import type { ChangesView } from "./change.ts";
import type { Keep } from "./keep.ts";
import type { AttemptOutcome, DeadReason, Priority, TaskState } from "./states.ts";
import type { Unique, UniqueView } from "./unique.ts";

/** Options as they are stored: an option that was not given is absent, and not undefined. */
export type Given<Options> = Options extends readonly unknown[]
  ? Options
  : Options extends object
    ? { [Name in keyof Options]: Given<Exclude<Options[Name], undefined>> }
    : Options;

/**
 * How long to wait before a retry. The wait before retry number n is `baseMs * 2^(n-1)`, at most `maxMs`. With full
 * jitter it is a random time up to that.
 */
export interface Backoff {
  /** `exponential`: the wait doubles with each retry. `fixed`: it is always `baseMs`. @default "exponential" */
  kind?: "exponential" | "fixed" | undefined;
  /** The wait before the first retry. Milliseconds, 0 to 86_400_000. @default 1_000 */
  baseMs?: number | undefined;
  /** The longest wait, ms. @default 3_600_000 */
  maxMs?: number | undefined;
  /** `full`: wait a random time up to the computed one. `none`: wait exactly the computed time. @default "full" */
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
  /**
   * An id from the caller, `[A-Za-z0-9_.:-]{1,128}`, so that a repeated enqueue stores only one task. @default a new id
   * of 14 characters
   */
  id?: string | undefined;
  /**
   * Only with an `id`: what happens if the task with that id has failed (cancelled, expired, dead, discarded, emptied).
   * "again": the task is enqueued once more, with the new payload and options. "duplicate": the id stays in use, as if
   * the task had completed; the receipt says `duplicate` and `willRun: false`, and another payload is a conflict. In
   * both cases the id can be used again some time after the end (setting `idempotencyMs`). @default "again"
   */
  ifEnded?: "again" | "duplicate" | undefined;
  /**
   * Tasks with the same partitionKey go to the same partition, so that within one priority they are granted in the
   * order of their enqueues (docs/guarantees.md). A queue without partitions grants all tasks in this order. 1 to 256
   * characters. Not together with `id`.
   */
  partitionKey?: string | undefined;
  /**
   * Tasks with the same key wait in one line, for example one for each tenant, customer or domain. The keys take turns,
   * and limits of the queue can apply to each key (docs/flow-control.md). 1 to 128 bytes of UTF-8.
   */
  key?: string | undefined;
  /**
   * How much the task counts in a rate limit, 1 to 1,000,000. A cost above the `burst` of a limit is refused. @default
   * 1
   */
  cost?: number | undefined;
  /** A unique key: the task is accepted only if no other task holds this key (docs/unique.md). @default none */
  unique?: Unique | undefined;
  /**
   * The version of the handler that the task needs, from 1. It becomes part of the type, such as `order@2`, so only a
   * worker with a handler for `order@2`, or for a prefix of it, runs the task. @default none
   */
  version?: number | undefined;
  /** How urgent the task is; see `Priority`. @default "normal" */
  priority?: Priority | undefined;
  /**
   * The task does not start earlier than this many milliseconds from now, by the clock of Redis, 0 to 365 days. 0: at
   * once. Cannot be combined with `runAt`.
   */
  delayMs?: number | undefined;
  /**
   * The task does not start before this time, ms since the epoch, by the clock of Redis. If the time has passed: at
   * once. Cannot be combined with `delayMs`.
   */
  runAt?: number | undefined;
  /** How often the task is retried after its first attempt, 0 to 100. @default the worker's MAX_RETRIES */
  maxRetries?: number | undefined;
  /**
   * The wait before a retry. @default the backoff of the handler or the worker: exponential from 1 s to 1 h, full
   * jitter
   */
  backoff?: Backoff | undefined;
  /** The time-out of one attempt, ms, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /**
   * If the task has not started by this time (ms since the epoch, by the clock of Redis), it becomes `expired`. An
   * attempt that is running continues, unless its handler or worker has `abortAtExpiry`.
   */
  expiresAt?: number | undefined;
  /** At most 16 tags of at most 64 characters. */
  tags?: string[] | undefined;
  /** `false`: the payload is removed when the task completes. A dead letter always keeps it. @default true */
  keepPayload?: boolean | undefined;
  /** How long the task is kept after its end. @default the settings of the queue */
  keep?: Keep | undefined;
  /**
   * Where the task has to be stored before its enqueue is confirmed: in the memory of Redis, on its disk, or on
   * replicas.
   * @default the setting of the queue
   */
  durability?: Durability | undefined;
  /**
   * The W3C Trace Context of the caller, `00-<trace id>-<span id>-<flags>`. It is stored with the task, so that the
   * attempts belong to the same trace.
   */
  traceparent?: string | undefined;
  /** The W3C tracestate. Only together with `traceparent`. */
  tracestate?: string | undefined;
  /** Only with durability "replicated": how many replicas have to confirm the write, 1 to 16. @default 1 */
  replicas?: number | undefined;
}

/** The options of a task that is given as JSON text. */
export interface FingerprintedOptions extends TaskOptions {
  /** Tells whether two enqueues with the same id are the same task. @default a hash of type, options and payload */
  fingerprint?: string | undefined;
}

/** One attempt in the history of a task. */
export interface AttemptView {
  /** The number of the attempt, from 1 in each generation. */
  attempt: number;
  /** 0 until the first replay; each replay adds 1. */
  generation: number;
  /** How the attempt ended. */
  outcome: AttemptOutcome;
  /** The worker that ran the attempt. */
  workerId: string;
  /** The part of the lease token that Redis stores. All tasks that were granted together have the same fence. */
  fence: string;
  /** When the attempt began, by the clock of Redis, ms since the epoch. */
  startedAt: number;
  /** When the attempt ended, by the clock of Redis, ms since the epoch; null while it runs. */
  endedAt: number | null;
  /** The error that the handler threw, with its causes; null if it threw none. */
  error: string | null;
}

/** The severity of a log line. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The severity of a log line. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The time and the severity of a log line. */
export interface LogMark {
  /** When the line was written, by the clock of Redis, ms since the epoch; null if an earlier version wrote it. */
  at: number | null;
  /** The severity that the handler gave; `info` if it gave none. */
  level: LogLevel;
}

/** A replay of a task. It begins a new generation, in which attempts are counted from zero. */
export interface ReplayView {
  /** The generation that began with the replay; 1 for the first replay. */
  generation: number;
  /** When the task was replayed, by the clock of Redis, ms since the epoch. */
  at: number;
}

/** The occurrence of a schedule for which a task was enqueued. */
export interface TaskSchedule {
  /** The id of the schedule. */
  id: string;
  /** The number of the occurrence, from 1; null if an operator started the run. */
  run: number | null;
  /** The time of the occurrence, by the clock of Redis, ms since the epoch. */
  dueAt: number;
}

/** The flow of a task, and what the task waits for in it. */
export interface TaskFlow {
  /** The id of the flow. */
  id: string;
  /** The name of the node; for a callback, its moment. */
  name: string;
  /** For a waiting node: how many nodes before it have not ended. Otherwise 0. */
  waitsFor: number;
  /**
   * If the node was skipped: the id of the task that did not complete; null otherwise, and if the flow was cancelled.
   */
  skippedBy: string | null;
}

/** The state of one task. Times are milliseconds since the epoch. */
export interface TaskView {
  /** The id that the producer gave, or that the library made. */
  id: string;
  /** The name of the queue of the task, without the number of a partition. */
  queue: string;
  /** The type, which selects the handler. With a version it ends with `@<version>`. */
  type: string;
  /** The state of the task (docs/state-machine.md). */
  state: TaskState;
  /** The priority of the task. */
  priority: Priority;
  /** The payload as exact JSON text; "" if it was not kept. */
  payloadText: string;
  /** Size of the payload in UTF-8, bytes. */
  payloadBytes: number;
  /** False if the task has completed with `keepPayload: false`. */
  payloadKept: boolean;
  /** The result as exact JSON text; null if there is none, or if the task has not completed. */
  resultText: string | null;
  /** How many attempts of this generation have begun. */
  attempts: number;
  /** How many attempts ended with an error. */
  failures: number;
  /** How many attempts were lost with their worker: the lease expired. */
  crashes: number;
  /** How often an attempt was handed back and refunded. */
  releases: number;
  /** 0 at first; each replay adds 1. */
  generation: number;
  /** Whether the task is a dead letter that had been replayed before. */
  diedAgain: boolean;
  /** How often the task is retried after its first attempt; null if the worker decides. */
  maxRetries: number | null;
  /** The time-out of one attempt, ms; null for the default. */
  timeoutMs: number | null;
  /** The wait before a retry; null if the handler or the worker decides. */
  backoff: Given<Backoff> | null;
  /** The tags of the task; an empty array if it has none. */
  tags: string[];
  /** How long the task is kept after its end; null if the settings of the queue decide. */
  keep: Given<Keep> | null;
  /** When the task is removed because of `keep`, ms since the epoch; null while that is not known. */
  keptUntil: number | null;
  /** The key of the task; null if it has none. */
  key: string | null;
  /** How much the task counts in a rate limit. */
  cost: number;
  /** The unique key; null if the task has none. */
  unique: UniqueView | null;
  /** The schedule that enqueued the task; null if no schedule did. */
  schedule: TaskSchedule | null;
  /** The flow of the task; null if it is neither a node nor a callback. */
  flow: TaskFlow | null;
  /** The trace id, 32 hex digits; null if the task has no trace. */
  traceId: string | null;
  /** When the task was enqueued. */
  enqueuedAt: number;
  /** When a scheduled task is due; null in other states. */
  runAt: number | null;
  /** If the task has not started by this time, it expires; null: never. */
  expiresAt: number | null;
  /** When the lease of a running task expires; null in other states. */
  leaseExpiresAt: number | null;
  /** When the task ended; null if it has not. */
  endedAt: number | null;
  /** The worker that runs the task, or ran it last; null before the first attempt. */
  workerId: string | null;
  /** The part of the last lease token that Redis stores; null before the first attempt. */
  fence: string | null;
  /** Whether the worker of the running task was asked to stop it. */
  cancelRequested: boolean;
  /** Whether the task has crashed its workers twice, so that it now runs alone. */
  solo: boolean;
  /** Since when no worker has had a handler for the type of the task, ms since the epoch; null if a worker has one. */
  unroutedSince: number | null;
  /**
   * The signals that the handler waits for; `=<id>` stands for the end of a called task. Empty if the handler sleeps;
   * null if it does neither.
   */
  waitsFor: string[] | null;
  /** Why the task is a dead letter; null in other states. */
  deadReason: DeadReason | null;
  /** The error signature under which a dead letter is counted; null if there is none. */
  signature: string | null;
  /** The error of the last failed attempt; null if there is none. */
  lastError: string | null;
  /** The last progress that the handler reported, as JSON text; null if there is none. */
  progress: string | null;
  /** Size of the checkpoint that a handler stored, bytes; null if there is none. */
  checkpointBytes: number | null;
  /** The last 50 lines that handlers logged, oldest first. */
  log: string[];
  /** The time and the severity of each line of `log`, in the same order. */
  logMarks: LogMark[];
  /** The attempts, oldest first. Only the last 32 attempts and replays are kept. */
  history: AttemptView[];
  /** The replays of the task in this queue, oldest first. */
  replays: ReplayView[];
  /** A summary of the changes while the task waited; null if there were none. */
  changes: ChangesView | null;
}

/** The counts of a queue at one moment. */
export interface QueueStats {
  /** The name of the queue. */
  queue: string;
  /** When the counts were read, by the clock of Redis, ms since the epoch. */
  at: number;
  /** How many nodes of flows wait for other nodes. */
  waiting: number;
  /** How many tasks may be taken by workers, including those that limits delay. */
  pending: number;
  /** The pending tasks by priority, without those that have to run alone or wait for a worker with a handler. */
  pendingByPriority: Record<Priority, number>;
  /** How many pending tasks have to run alone. */
  pendingSolo: number;
  /** How many pending tasks wait for a worker that has a handler for their type. */
  pendingTyped: number;
  /** How many pending tasks have a key. */
  pendingKeyed: number;
  /** How many tasks are held by workers. */
  processing: number;
  /** How many tasks wait for their time or for a retry. */
  scheduled: number;
  /** Completed tasks that are still kept. */
  completed: number;
  /** Dead letters. */
  dead: number;
  /** Cancelled tasks that are still kept. */
  cancelled: number;
  /** Expired tasks that are still kept. */
  expired: number;
  /** Whether the queue is paused, so that no task starts. */
  paused: boolean;
  /** The reason that was given for the pause; null if the queue is not paused. */
  pauseReason: string | null;
  /** When the queue was paused, by the clock of Redis, ms since the epoch; null if it is not paused. */
  pausedAt: number | null;
  /** Who paused the queue; null if no name was given. */
  pausedBy: string | null;
  /** How many partitions the queue has; null if it has none. */
  partitions: number | null;
  /** Age of the oldest pending task, ms; 0 if there is none. */
  oldestPendingAgeMs: number;
  /**
   * How many scheduled tasks sleep or wait for a signal in their handler. If more than 500 tasks are scheduled, this is
   * an estimate from 500 of them.
   */
  suspended: number;
  /** How many flows have not ended. */
  flows: number;
  /** Age of the oldest running flow that gets no more nodes (sealed), ms; 0 if there is none. */
  oldestFlowAgeMs: number;
  /** How many tasks the limits of the queue allow to start now. */
  flow: QueueFlow;
  /** Totals since the queue was created. */
  totals: QueueTotals;
  /** The settings that operators can change. */
  settings: QueueSettings;
}

/** How many pending tasks the limits of a queue allow to start at one moment (docs/flow-control.md). */
export interface QueueFlow {
  /**
   * How many pending tasks could start now; 0 while the queue is paused. Exact for up to 100 keys with such tasks. Each
   * further key counts with the mean of those 100.
   */
  runnable: number;
  /** How many tasks of the queue may run at the same time; null for no limit. */
  concurrency: number | null;
  /** How many keys have a task that may start now. */
  keysReady: number;
  /**
   * How many keys wait for a known time: until then a rate or a hold lets none of their tasks start, or data about the
   * key are kept.
   */
  keysResting: number;
  /** How many keys are held, among the 100 keys that wait longest for a known time. */
  keysHeld: number;
  /** When the last of these holds, or the hold of the queue, ends, ms since the epoch; null if there is none. */
  heldUntil: number | null;
}

/** Counters that only grow. */
export interface QueueTotals {
  /** How many tasks were accepted. */
  enqueued: number;
  /** How many enqueues were duplicates of a stored task. */
  deduplicated: number;
  /** How many attempts began. */
  attempts: number;
  /** How many attempts completed their task. */
  acked: number;
  /** How many attempts ended with an error. */
  failed: number;
  /** How many failed attempts were followed by a retry. */
  retried: number;
  /** How many attempts were lost with their worker: the lease expired. */
  crashed: number;
  /** How many attempts were handed back and refunded. */
  released: number;
  /** How many tasks became dead letters. */
  deadLettered: number;
  /** How many dead letters were replayed. */
  replayed: number;
  /** How many scheduled tasks became pending. */
  promoted: number;
  /** How many tasks were cancelled. */
  cancelled: number;
  /** How many tasks expired: their `expiresAt` passed before they started. */
  expired: number;
  /** How often a worker settled a task whose lease it had lost, which was refused. */
  stale: number;
  /** How many ended tasks were removed. */
  purged: number;
  /**
   * How many dead letters were removed because there were too many or because they were too old. They count in `purged`
   * too.
   */
  dropped: number;
}

/** A worker has settled a task whose lease it had lost, and was refused. */
export interface StaleVerdict {
  /** The id of the task. */
  id: string;
  /** The queue of the task. */
  queue: string;
  /** The type of the task. */
  type: string;
  /** The token of the lost lease. */
  token: string;
  /** The fence of the present lease; null if there is none. */
  currentFence: string | null;
  /** The number of the attempt, from 1. */
  attempt: number;
  /** The worker that was refused. */
  workerId: string;
  /** When the refusal was recorded, ms since the epoch, by the time of Redis as the worker estimates it. */
  at: number;
  /** How long the attempt went on after its lease had ended, ms; null if that is not known any more. */
  lateMs: number | null;
  /** How long the next attempt ran at the same time, ms; 0 if none had begun. */
  overlapMs: number;
}

/** The settings of a queue, which operators can change. */
export interface QueueSettings {
  /** If this many tasks wait (pending and scheduled), enqueues are refused. 0: no limit. @default 0 */
  maxWaiting: number;
  /** How long completed, cancelled and expired tasks are kept, ms. @default 86_400_000 */
  retentionMs: number;
  /** How many tasks of each of these states are kept at most. @default 10_000 */
  retentionCount: number;
  /** How long an id from a caller stays in use after its task has ended, ms. @default 3_600_000 */
  idempotencyMs: number;
  /** The durability of tasks without this option. @default "memory" */
  durability: Durability;
  /**
   * The most dead letters of the queue; janitors remove the oldest ones beyond that for good. 0: no limit. @default 0
   */
  maxDead: number;
  /** How long dead letters are kept, ms; janitors remove older ones for good. 0: for ever. @default 0 */
  maxDeadAgeMs: number;
  /** The newest events that are kept for readers (docs/events.md), at least this many. 0: no events. @default 0 */
  maxEvents: number;
}

/** A registered worker. */
export interface WorkerView {
  /** The id of the worker. */
  id: string;
  /** The queues of the worker. */
  queues: string[];
  /** The task types, and prefixes such as `email.*`, for which the worker has handlers, in alphabetical order. */
  types: string[];
  /** The name of the machine on which the worker runs. */
  host: string;
  /** The id of the operating system process of the worker. */
  pid: number;
  /** The option `version` of the worker. */
  version: string;
  /** How many tasks the worker may run at the same time. */
  slots: number;
  /** How many tasks the worker holds now. */
  busy: number;
  /** When the worker was created, by the clock of its machine, ms since the epoch. */
  startedAt: number;
  /** When the worker last sent a heartbeat to the registry, by the clock of Redis, ms since the epoch. */
  heartbeatAt: number;
  /** How long ago the last heartbeat was, ms. */
  heartbeatAgeMs: number;
  /**
   * `draining`: an operator told the worker to take no more tasks. `drained`: the worker also holds none any more.
   * `paused`: the worker takes no tasks, because its program called `worker.pause()`, or because no `acquire` of a
   * `ManualWorker` waits for tasks.
   */
  state: "running" | "paused" | "draining" | "drained" | "stopped" | "lost";
  /** The tasks that the worker runs, at most 100. Only for a single worker, not in the live stream. */
  tasks?: CurrentTask[];
}

/** A task that a worker runs now. */
export interface CurrentTask {
  /** The id of the task. */
  id: string;
  /** The queue of the task. */
  queue: string;
  /** The type or prefix of the handler that runs the task. */
  type: string;
  /** When the attempt began, ms since the epoch. */
  startedAt: number;
}
