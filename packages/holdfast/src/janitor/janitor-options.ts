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
  /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are then used. */
  redis: RedisOption;
  /** The first part of every Redis key. @default "queue" */
  prefix?: string | undefined;
  /** The longest time between two sweeps. Milliseconds, 10 to 60_000. @default 1_000 */
  sweepIntervalMs?: number | undefined;
  /** How often each queue is audited; 0: only after lost writes. Milliseconds, 0 to 2_147_483_647. @default 60_000 */
  auditIntervalMs?: number | undefined;
  /** How many entries one audit compares; the next audit continues from there. 1 to 10_000_000. @default 10_000 */
  auditBudget?: number | undefined;
  /** How many records of operator actions are kept; older ones are removed. 1_000 to 10_000_000. @default 100_000 */
  auditLogMax?: number | undefined;
  /** The queues to sweep. @default every registered queue */
  queues?: string[] | undefined;
  /** Whether the janitor enqueues the due tasks of schedules. @default true */
  schedules?: boolean | undefined;
  /** For tests: returns the time by which schedules are due, ms since the epoch. @default the time of Redis */
  clockMs?: (() => number) | undefined;
  /** Called after each script call, with the name of the script and the time in seconds, for metrics. @default none */
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
  /** Tasks whose lease had expired, by their new state. */
  reaped: { requeued: number; dead: number; cancelled: number };
  /** Tasks that became dead letters, because no registered worker has a handler for their type. */
  rejected: number;
  /** Tasks that expired: their `expiresAt` passed before they started. */
  expired: number;
  /** Ended tasks that were removed after their retention. */
  purged: number;
  /** Dead letters that were removed because of the settings `maxDead` and `maxDeadAgeMs` of the queue. */
  dropped: number;
  /** Ids of removed tasks and stored replies that were forgotten. */
  forgotten: number;
}

/** The events of a `Janitor`, each with its arguments. */
export interface JanitorEvents {
  /** A queue or partition was swept. */
  swept: [SweptEvent];
  /** A queue or partition was audited. */
  audited: [AuditReport];
  /** The janitor has decided whether to enqueue an occurrence of a schedule. */
  scheduled: [ScheduleRunEvent];
  /** Redis has lost writes that this janitor had seen. The queue is audited next. */
  rewound: [RewoundEvent];
  /** An error. The janitor continues with its next sweep. */
  error: [HoldfastError];
}
