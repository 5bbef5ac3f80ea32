import {
  ATTEMPT_OUTCOMES,
  CHANGED_FIELDS,
  DEAD_REASONS,
  LOG_LEVELS,
  PRIORITIES,
  TASK_STATES,
  type TaskView,
  UNIQUE_CONFLICTS,
  UNIQUE_SCOPES,
} from "@holdfast/contracts";
import { KeepSchema } from "@holdfast/contracts/api";
import { type Static, Type } from "typebox";
import { OneOf } from "../http/validation.ts";
import { backoffSchema } from "./schema.ts";

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);
const count = Type.Integer({ minimum: 0 });
const moment = Type.Integer({ description: "Redis time, ms since the epoch." });

export const attemptViewSchema = Type.Object({
  attempt: count,
  generation: count,
  outcome: OneOf(ATTEMPT_OUTCOMES),
  workerId: Type.String(),
  fence: Type.String(),
  startedAt: moment,
  endedAt: nullable(moment),
  error: nullable(Type.String()),
});

/** The schema of `TaskView` in @holdfast/contracts, for the API description. */
export const taskViewSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  state: OneOf(TASK_STATES),
  priority: OneOf(PRIORITIES),
  payloadText: Type.String({ description: "The exact text that was enqueued; empty if it was not kept." }),
  payloadBytes: count,
  payloadKept: Type.Boolean({ description: "False after a task with keepPayload: false has completed." }),
  resultText: nullable(Type.String({ description: "The exact JSON text that the handler returned." })),
  attempts: count,
  failures: count,
  crashes: count,
  releases: count,
  generation: count,
  diedAgain: Type.Boolean({ description: "A dead letter that was replayed before." }),
  maxRetries: nullable(count),
  timeoutMs: nullable(count),
  backoff: nullable(backoffSchema),
  tags: Type.Array(Type.String()),
  keep: nullable(KeepSchema),
  keptUntil: nullable(moment),
  key: nullable(Type.String()),
  cost: Type.Integer(),
  unique: nullable(
    Type.Object({
      key: Type.String(),
      scope: OneOf(UNIQUE_SCOPES),
      windowMs: nullable(Type.Integer()),
      onConflict: OneOf(UNIQUE_CONFLICTS),
      maxWaitMs: nullable(Type.Integer()),
      replaced: nullable(
        Type.Object({ count: Type.Integer(), firstAt: moment, lastAt: moment, by: Type.String() }),
      ),
      holder: nullable(Type.String()),
    }),
  ),
  schedule: nullable(
    Type.Object({
      id: Type.String({ description: "The schedule that enqueued the task." }),
      run: nullable(
        Type.Integer({
          description: "The number of the occurrence of the schedule, from 1; null for a run by hand.",
        }),
      ),
      dueAt: moment,
    }),
  ),
  flow: nullable(
    Type.Object({
      id: Type.String({ description: "The id of the flow." }),
      name: Type.String(),
      waitsFor: count,
      skippedBy: nullable(Type.String()),
    }),
  ),
  traceId: nullable(Type.String({ description: "The trace that the task belongs to, 32 hex digits." })),
  enqueuedAt: moment,
  runAt: nullable(moment),
  expiresAt: nullable(moment),
  leaseExpiresAt: nullable(moment),
  endedAt: nullable(moment),
  workerId: nullable(Type.String()),
  fence: nullable(Type.String()),
  cancelRequested: Type.Boolean(),
  solo: Type.Boolean(),
  unroutedSince: nullable(moment),
  waitsFor: nullable(Type.Array(Type.String())),
  deadReason: nullable(OneOf(DEAD_REASONS)),
  signature: nullable(Type.String()),
  lastError: nullable(Type.String()),
  progress: nullable(Type.String()),
  checkpointBytes: nullable(count),
  log: Type.Array(Type.String()),
  logMarks: Type.Array(Type.Object({ at: nullable(moment), level: OneOf(LOG_LEVELS) })),
  history: Type.Array(attemptViewSchema),
  replays: Type.Array(Type.Object({ generation: count, at: moment })),
  changes: nullable(
    Type.Object({
      count,
      firstAt: moment,
      lastAt: moment,
      by: Type.String(),
      fields: Type.Array(OneOf(CHANGED_FIELDS)),
    }),
  ),
});

// This does not compile if the schema lacks a field of `TaskView`.
type Missing = Exclude<keyof TaskView, keyof Static<typeof taskViewSchema>>;
const _taskViewIsDescribed: Missing extends never ? true : Missing = true;
