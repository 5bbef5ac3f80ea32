import type { AttemptOutcome, DeadReason, Priority, TaskState } from "./states.ts";

/** Options as they are kept: what was left out is not there, rather than undefined. */
export type Given<Options> = Options extends readonly unknown[]
  ? Options
  : Options extends object
    ? { [Name in keyof Options]: Given<Exclude<Options[Name], undefined>> }
    : Options;

/** The wait before a retry: `baseMs * 2^(n-1)`, at most `maxMs`, of which a random part is waited (full jitter). */
export interface Backoff {
  /** @default "exponential" */
  kind?: "exponential" | "fixed" | undefined;
  /** Milliseconds, 0 to 86_400_000. @default 1_000 */
  baseMs?: number | undefined;
  /** Milliseconds. @default 3_600_000 */
  maxMs?: number | undefined;
  /** `full` waits a random time up to the computed one, `none` the computed one. @default "full" */
  jitter?: "full" | "none" | undefined;
}

/** How far an accepted task has got before its enqueue is confirmed. */
export const DURABILITIES = ["memory", "fsynced", "replicated"] as const;
export type Durability = (typeof DURABILITIES)[number];

/** What an enqueue can ask for beside type and payload. */
export interface TaskOptions {
  /** Given by the caller, `[A-Za-z0-9_.:-]{1,128}`: makes the enqueue idempotent. @default minted, 14 characters */
  id?: string | undefined;
  /**
   * With an `id`: what the enqueue means where the task with that id ended without completing (cancelled, expired, dead,
   * discarded, emptied). "again": it is enqueued as a new life of that task, with this body. "duplicate": the id stays
   * taken, as that of a completed task does: the receipt says `duplicate` and `willRun: false`, and another body is a
   * conflict. Either way an id is forgotten some time after the end (setting `idempotencyMs`). @default "again"
   */
  ifEnded?: "again" | "duplicate" | undefined;
  /**
   * Tasks of one key go to one partition of the queue, and are granted in the order of their enqueues within one priority
   * (docs/guarantees.md). In a queue without partitions they all do. 1 to 256 characters. Excludes `id`.
   */
  partitionKey?: string | undefined;
  /** @default "normal" */
  priority?: Priority | undefined;
  /** Not before this many milliseconds of Redis time from now, 0 to 365 days. 0: pending at once. Excludes `runAt`. */
  delayMs?: number | undefined;
  /** Not before this moment of Redis time, ms since the epoch. In the past: pending at once. Excludes `delayMs`. */
  runAt?: number | undefined;
  /** Retries after the first attempt, 0 to 100. @default the worker's MAX_RETRIES */
  maxRetries?: number | undefined;
  backoff?: Backoff | undefined;
  /** Hard limit of one attempt, ms, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /** A task that is acquired after this moment (ms since the epoch, Redis time) becomes `expired`. */
  expiresAt?: number | undefined;
  /** At most 16 of 64 characters. */
  tags?: string[] | undefined;
  /** `false` drops the payload at the moment of completion; a dead letter always keeps it. @default true */
  keepPayload?: boolean | undefined;
  /**
   * What the enqueue has to reach before it is confirmed: Redis' memory, its disk, or a replica.
   * @default the setting of the queue
   */
  durability?: Durability | undefined;
  /** W3C Trace Context of the caller, `00-<trace id>-<span id>-<flags>`: stored with the task, its attempts belong to it. */
  traceparent?: string | undefined;
  /** W3C tracestate, with a `traceparent`. */
  tracestate?: string | undefined;
  /** With durability "replicated": how many replicas have to confirm, 1 to 16. @default 1 */
  replicas?: number | undefined;
}

/** One attempt in the history of a task. */
export interface AttemptView {
  /** Counted from 1 within the generation. */
  attempt: number;
  generation: number;
  outcome: AttemptOutcome;
  workerId: string;
  /** The fence: the part of the token before its dot, which Redis keeps. */
  token: string;
  /** Milliseconds since the epoch, Redis time. */
  startedAt: number;
  endedAt: number | null;
  error: string | null;
}

/** A replay of a task: it begins a new generation, with all its attempts again. */
export interface ReplayView {
  /** The generation that it began, 1 for the first replay. */
  generation: number;
  /** Milliseconds since the epoch, Redis time. */
  at: number;
}

/** What is known of one task. Times are milliseconds since the epoch. */
export interface TaskView {
  id: string;
  queue: string;
  type: string;
  state: TaskState;
  priority: Priority;
  /** The exact text that was enqueued; "" where it was not kept. */
  payloadText: string;
  payloadBytes: number;
  /** False once it completed with `keepPayload: false`. */
  payloadKept: boolean;
  /** The exact JSON text that the handler returned, once completed. */
  resultText: string | null;
  /** Attempts of this generation, counted at acquire. */
  attempts: number;
  /** Attempts that the handler ended with an error. */
  failures: number;
  /** Attempts whose lease ran out. */
  crashes: number;
  releases: number;
  /** Raised by each replay, 0 at first. */
  generation: number;
  /** A dead letter that was replayed before. */
  diedAgain: boolean;
  maxRetries: number | null;
  timeoutMs: number | null;
  backoff: Given<Backoff> | null;
  tags: string[];
  /** The trace that it belongs to, 32 hex digits; null without one. */
  traceId: string | null;
  enqueuedAt: number;
  /** When a scheduled task is due. */
  runAt: number | null;
  expiresAt: number | null;
  /** When the current lease runs out. */
  leaseExpiresAt: number | null;
  /** When it reached its terminal state. */
  endedAt: number | null;
  workerId: string | null;
  /** The fence of the current or the last lease: the part of its token before the dot, which Redis keeps. */
  token: string | null;
  cancelRequested: boolean;
  /** It crashed its worker twice: it is acquired alone. */
  solo: boolean;
  /** Since when no worker has had a handler for its type. */
  unroutedSince: number | null;
  deadReason: DeadReason | null;
  lastError: string | null;
  progress: string | null;
  log: string[];
  /** Every attempt, oldest first. Of attempts and replays together at most the last 32 are kept. */
  history: AttemptView[];
  /** Every replay in place, oldest first. A replay by a version before this field is not among them. */
  replays: ReplayView[];
}

/** Counts of one queue at one moment. */
export interface QueueStats {
  queue: string;
  /** Redis time, ms since the epoch. */
  at: number;
  pending: number;
  pendingByPriority: Record<Priority, number>;
  /** Of the pending ones: tasks that have to run alone. */
  pendingSolo: number;
  /** Of the pending ones: tasks that stand aside until a worker asks that has a handler for their type. */
  pendingTyped: number;
  processing: number;
  scheduled: number;
  completed: number;
  dead: number;
  cancelled: number;
  expired: number;
  paused: boolean;
  pauseReason: string | null;
  /** Since when, ms since the epoch, Redis time; null while it is not paused, and where an older version paused it. */
  pausedAt: number | null;
  /** Who paused it, as they were named; null where nobody was. */
  pausedBy: string | null;
  /** Age of the oldest pending task, ms, 0 without one. */
  oldestPendingAgeMs: number;
  /** Cumulative since the queue began. */
  totals: QueueTotals;
  settings: QueueSettings;
}

/** Counters that only grow. */
export interface QueueTotals {
  enqueued: number;
  deduplicated: number;
  /** Grants of a lease. */
  attempts: number;
  acked: number;
  failed: number;
  retried: number;
  /** Leases that ran out. */
  crashed: number;
  released: number;
  deadLettered: number;
  replayed: number;
  promoted: number;
  cancelled: number;
  expired: number;
  stale: number;
  purged: number;
}

/** A settle that was refused, since its lease had gone. Times are milliseconds. */
export interface StaleVerdict {
  id: string;
  queue: string;
  type: string;
  /** The token that the verdict came with. */
  token: string;
  /** The fence of the lease that runs now, where one does. */
  currentToken: string | null;
  attempt: number;
  workerId: string;
  /** When it was refused: Redis time as the worker knew it, ms since the epoch. */
  at: number;
  /** How long the attempt ran on after its lease had ended; null where that is no longer known. */
  lateMs: number | null;
  /** How long of it the next attempt ran at the same time; 0 where none had begun. */
  overlapMs: number;
}

/** What an operator can set per queue. */
export interface QueueSettings {
  /** Most tasks waiting (pending and scheduled) before enqueues are refused. 0: no cap. @default 0 */
  maxWaiting: number;
  /** How long completed, cancelled and expired tasks are kept, ms. @default 86_400_000 */
  retentionMs: number;
  /** How many of each are kept at most. @default 10_000 */
  retentionCount: number;
  /** How long an id given by a caller is remembered after the task ended, ms. @default 3_600_000 */
  idempotencyMs: number;
  /** For enqueues that ask for none themselves. @default "memory" */
  durability: Durability;
}

/** A worker as it registers itself. */
export interface WorkerView {
  id: string;
  queues: string[];
  types: string[];
  host: string;
  pid: number;
  version: string;
  slots: number;
  busy: number;
  startedAt: number;
  heartbeatAt: number;
  heartbeatAgeMs: number;
  /** `drained`: it was told to drain, and holds nothing any more. */
  state: "running" | "draining" | "drained" | "stopped" | "lost";
  /** What it runs, at most 100; only where it is asked for one by one, not in the live stream. */
  tasks?: CurrentTask[];
}

/** A task that a worker runs now. */
export interface CurrentTask {
  id: string;
  queue: string;
  type: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}
