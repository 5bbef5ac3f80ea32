import { Type } from "typebox";
import { LIMITS } from "../limits.ts";
import { SCHEDULE_ID_PATTERN } from "../names.ts";
import {
  MISSED_POLICIES,
  OVERLAP_POLICIES,
  RUN_OUTCOMES,
  type ScheduleInput,
  type ScheduleView,
} from "../schedule.ts";
import { PRIORITIES, TASK_STATES } from "../states.ts";
import type { Given } from "../task.ts";
import {
  type Assert,
  Count,
  nullable,
  oneOf,
  QueueName,
  Reason,
  type Same,
  TaskType,
  Timestamp,
} from "./common.ts";
import { BackoffSchema, KeepSchema, UniqueSchema } from "./task.ts";

export const ScheduleId = Type.String({
  // The pattern is in the description only, because the library checks ids and gives better messages.
  description: `Id of a schedule: ${SCHEDULE_ID_PATTERN}`,
  examples: ["nightly-report"],
});
export const ScheduleParams = Type.Object({ id: ScheduleId });
export type ScheduleParams = Type.Static<typeof ScheduleParams>;

const Cron = Type.String({
  minLength: 1,
  maxLength: 256,
  description:
    "Five fields, or six with seconds first; also @hourly, @daily, @weekly, @monthly, @yearly, and @every 30s or @every 1h30m",
  examples: ["30 2 * * 1-5"],
});
const TimeZone = Type.String({
  minLength: 1,
  maxLength: 64,
  description: "IANA time zone; UTC without it",
  examples: ["Europe/Berlin"],
});

export const ScheduledTaskOptionsSchema = Type.Object(
  {
    priority: Type.Optional(oneOf(PRIORITIES)),
    maxRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: LIMITS.maxRetries })),
    backoff: Type.Optional(BackoffSchema),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.timeoutMs })),
    tags: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: LIMITS.tagCharacters }), { maxItems: LIMITS.tags }),
    ),
    keep: Type.Optional(KeepSchema),
    unique: Type.Optional(UniqueSchema),
    expiresAfterMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.delayMs,
        description: "A task expires if no worker acquires it within this time after it is due",
      }),
    ),
  },
  { additionalProperties: false },
);

const Missed = oneOf(MISSED_POLICIES, {
  description: "Missed occurrences to enqueue: none, one for all, or each (the last 100)",
});
const Overlap = oneOf(OVERLAP_POLICIES, {
  description: "skip: an occurrence enqueues no task while the task of the previous one has not ended",
});

/** The body of `PUT /v1/schedules/:id`: the whole definition. Missing fields get their defaults. */
export const ScheduleBody = Type.Object(
  {
    queue: QueueName,
    cron: Cron,
    timeZone: Type.Optional(TimeZone),
    startAt: Type.Optional(Timestamp("No occurrence before it")),
    endAt: Type.Optional(Timestamp("No occurrence after it")),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, description: "No occurrence after this many were enqueued" }),
    ),
    immediately: Type.Optional(
      Type.Boolean({ description: "The first occurrence of a new schedule is due at once" }),
    ),
    type: TaskType,
    payloadText: Type.Optional(
      Type.String({ minLength: 1, description: "The payload of every task as exact JSON text" }),
    ),
    options: Type.Optional(ScheduledTaskOptionsSchema),
    missed: Type.Optional(Missed),
    overlap: Type.Optional(Overlap),
    paused: Type.Optional(
      Type.Boolean({ description: "Default: false for a new schedule; otherwise unchanged" }),
    ),
  },
  { additionalProperties: false },
);
export type ScheduleBody = Type.Static<typeof ScheduleBody>;
export type ScheduleBodyMatches = Assert<Same<typeof ScheduleBody, Given<ScheduleInput>>>;

const run = {
  at: Timestamp("The time of the occurrence"),
  taskId: nullable(Type.String()),
  outcome: oneOf(RUN_OUTCOMES),
  manual: Type.Boolean({ description: "Started by an operator" }),
};

/** JSON Schema of `ScheduleView`; `Assert` keeps the two equal. */
export const ScheduleViewSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  cron: Type.String(),
  timeZone: Type.String(),
  startAt: nullable(Timestamp("No occurrence before it")),
  endAt: nullable(Timestamp("No occurrence after it")),
  limit: nullable(Type.Integer({ description: "No occurrence after this many were enqueued" })),
  count: Count("How many occurrences were enqueued, or are about to be"),
  type: Type.String(),
  payloadText: Type.String(),
  options: ScheduledTaskOptionsSchema,
  missed: Missed,
  overlap: Overlap,
  paused: Type.Boolean(),
  createdAt: Timestamp("Created"),
  updatedAt: Timestamp("Written last"),
  nextAt: nullable(Timestamp("Next occurrence; null while paused, or if there is none")),
  nextRuns: Type.Array(Type.Integer(), { description: "At most five, ms since the epoch" }),
  words: Type.String({ description: "The cron expression in words" }),
  lastRun: nullable(
    Type.Object({
      ...run,
      state: nullable(oneOf(TASK_STATES, { description: "Present state of the task of this run" })),
    }),
  ),
  runs: Type.Array(Type.Object(run), { description: "The last ten, newest first" }),
});
export type ScheduleViewSchemaMatches = Assert<Same<typeof ScheduleViewSchema, ScheduleView>>;

export const ScheduleQuery = Type.Object(
  { queue: Type.Optional(QueueName) },
  { additionalProperties: false },
);
export const ScheduleList = Type.Object({ schedules: Type.Array(ScheduleViewSchema) });
export type ScheduleList = Type.Static<typeof ScheduleList>;

/** The optional body of the requests to run, pause or resume a schedule. */
export const ScheduleActionBody = Type.Object(
  { reason: Type.Optional(Reason) },
  { additionalProperties: false },
);
export const ScheduleRunReply = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  taskId: Type.String(),
});
export type ScheduleRunReply = Type.Static<typeof ScheduleRunReply>;

export const SchedulePreviewBody = Type.Object(
  { cron: Cron, timeZone: Type.Optional(TimeZone) },
  { additionalProperties: false },
);
export type SchedulePreviewBody = Type.Static<typeof SchedulePreviewBody>;
export const SchedulePreview = Type.Object({
  words: Type.String(),
  nextRuns: Type.Array(Type.Integer(), { description: "The next five, ms since the epoch" }),
});
export type SchedulePreview = Type.Static<typeof SchedulePreview>;
