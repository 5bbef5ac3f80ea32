import type { HoldfastError } from "@holdfast/contracts";
import { prefixKind, redisHints, redisKind } from "../client-options.ts";
import type { AuditReport } from "../engine/audit.ts";
import { callback, isText, listOf, MAX_TIMER_MS, whole, yesNo } from "../options/kinds.ts";
import { shapeOf } from "../options/shape.ts";
import type { ConnectionOptions } from "../redis/connection.ts";
import type { RedisOption } from "../redis/settings.ts";
import type { ScheduleRunEvent } from "../schedules/firing.ts";
import type { RewoundEvent } from "./rewind.ts";

/** Options of a `Janitor`. */
export interface JanitorOptions {
  /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are used. */
  redis: RedisOption;
  /** The first part of every Redis key. @default "queue" */
  prefix?: string | undefined;
  /** Longest sleep between two sweeps. Milliseconds, 10 to 60_000. @default 1_000 */
  sweepIntervalMs?: number | undefined;
  /** How often each queue is audited. 0: only after a rewind. Milliseconds, 0 to 2_147_483_647. @default 60_000 */
  auditIntervalMs?: number | undefined;
  /** How many entries one audit looks at. The next audit continues from there. 1 to 10_000_000. @default 10_000 */
  auditBudget?: number | undefined;
  /**
   * The most records of operator actions that are kept; older ones are dropped. 1_000 to 10_000_000. @default 100_000
   */
  auditLogMax?: number | undefined;
  /** The queues to look after. @default every registered queue */
  queues?: string[] | undefined;
  /** Whether the janitor enqueues the tasks of schedules that are due. @default true */
  schedules?: boolean | undefined;
  /** The clock by which schedules are due, ms since the epoch; for tests. @default Redis time */
  clockMs?: (() => number) | undefined;
  /** Called after each script call, with its name and time in seconds; for metrics. @default none */
  onScript?: ConnectionOptions["onScript"] | undefined;
}

export const janitorShape = shapeOf<JanitorOptions>({
  what: "a janitor",
  title: "Janitor",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: {
    redis: redisKind,
    prefix: prefixKind,
    sweepIntervalMs: whole(10, 60_000),
    auditIntervalMs: whole(0, MAX_TIMER_MS),
    auditBudget: whole(1, 10_000_000),
    auditLogMax: whole(1_000, 10_000_000),
    queues: listOf({ wants: "a name", is: isText }, "a list of names of queues", 0, 100_000),
    schedules: yesNo,
    clockMs: callback,
    onScript: callback,
  },
  hints: {
    ...redisHints,
    interval: "sweepIntervalMs",
    intervalMs: "sweepIntervalMs",
    stalledInterval: "sweepIntervalMs",
    client:
      "give `redis`, and `prefix` if the client has one: everything in a process that has the same `redis` shares its connections",
  },
  required: ["redis"],
});

/** What one sweep of a queue did, as numbers of tasks. */
export interface SweptEvent {
  /** The queue, or the partition such as `orders/3`. */
  queue: string;
  /** Scheduled tasks that became pending. */
  promoted: number;
  /** Tasks whose lease had expired, by what became of them. */
  reaped: { requeued: number; dead: number; cancelled: number };
  /** Dead letters of tasks that no registered worker has a handler for. */
  rejected: number;
  /** Tasks whose `expiresAt` passed before a worker took them. */
  expired: number;
  /** Ended tasks that were removed after their retention. */
  purged: number;
  /** Dead letters that were beyond a cap of the queue (`maxDead`, `maxDeadAgeMs`). */
  dropped: number;
  /** The number of remembered ids and request records that were dropped. */
  forgotten: number;
}

/** The events of a `Janitor`, each with its arguments. */
export interface JanitorEvents {
  /** A queue, or one partition of it, was swept. */
  swept: [SweptEvent];
  /** A part of a queue was audited. */
  audited: [AuditReport];
  /** The janitor has decided whether to enqueue an occurrence of a schedule. */
  scheduled: [ScheduleRunEvent];
  /** Redis lost writes that this janitor had seen. The audit of the queue follows at once. */
  rewound: [RewoundEvent];
  /** An error. The janitor continues with its next sweep. */
  error: [HoldfastError];
}
