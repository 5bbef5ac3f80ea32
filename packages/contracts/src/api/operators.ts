import { Type } from "typebox";
import { LIMITS } from "../limits.ts";
import { DEAD_REASONS } from "../states.ts";
import {
  Count,
  FlowId,
  nullable,
  oneOf,
  QueryText,
  QueueName,
  Reason,
  SearchText,
  Tag,
  TaskId,
  TaskType,
  Timestamp,
} from "./common.ts";
import { Signature } from "./errors.ts";
import { ROLES } from "./identity.ts";
import { ChangeBody } from "./task.ts";

/**
 * A replay or discard of at most this many tasks is done at once and answered with its result (200). A larger one
 * becomes an operation that runs later (202).
 */
export const SYNC_LIMIT = LIMITS.scriptTasks;

export const DeadLetterFilter = Type.Object(
  {
    type: Type.Optional(TaskType),
    tag: Type.Optional(Tag),
    flow: Type.Optional(FlowId),
    reason: Type.Optional(oneOf(DEAD_REASONS)),
    signature: Type.Optional(Signature),
    error: Type.Optional(SearchText("Text to find in the last error")),
    q: Type.Optional(SearchText("Text to find in id, type, error, tags or payload")),
    from: Type.Optional(Timestamp("Died at this time or later")),
    to: Type.Optional(Timestamp("Died before this time")),
  },
  { additionalProperties: false, minProperties: 1, description: "All given fields have to match" },
);
export type DeadLetterFilter = Type.Static<typeof DeadLetterFilter>;

const selection = {
  ids: Type.Optional(
    Type.Array(TaskId, {
      minItems: 1,
      maxItems: LIMITS.batchTasks,
      uniqueItems: true,
      description: "Ids of the tasks",
    }),
  ),
  filter: Type.Optional(DeadLetterFilter),
  query: Type.Optional(QueryText),
  all: Type.Optional(Type.Literal(true, { description: "Every dead letter of the queue" })),
  dryRun: Type.Optional(Type.Boolean({ default: false, description: "Only count; change nothing" })),
  reason: Type.Optional(Reason),
  ratePerSecond: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 100_000,
      description: "The most tasks per second. The request then starts an operation",
    }),
  ),
};

/** A canary: a replay first replays a few tasks. The others are replayed only if all of the first ones complete. */
export const Canary = Type.Object(
  {
    size: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 5,
        description: "How many tasks are replayed first",
      }),
    ),
    waitMs: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: 3_600_000,
        default: 60_000,
        description: "How long the first tasks may take to complete; after that the operation stops",
      }),
    ),
  },
  { additionalProperties: false, description: "If it is given, the request starts an operation" },
);

/** The body of a replay. Exactly one of `ids`, `filter`, `query` and `all` has to be given. */
export const ReplayBody = Type.Object(
  {
    ...selection,
    canary: Type.Optional(Canary),
    to: Type.Optional(QueueName),
    force: Type.Optional(
      Type.Boolean({
        description:
          "True: also replays tasks whose unique key another task holds. They do not take the key.",
      }),
    ),
    patch: Type.Optional(
      Type.Object(
        { payloadText: Type.String({ minLength: 1, description: "The new payload as exact JSON text" }) },
        { additionalProperties: false, description: "Only with exactly one id" },
      ),
    ),
  },
  { additionalProperties: false },
);
export type ReplayBody = Type.Static<typeof ReplayBody>;

/** The body of a replay of all dead letters of a flow. */
export const FlowReplayBody = Type.Pick(ReplayBody, ["dryRun", "reason", "ratePerSecond", "canary"], {
  additionalProperties: false,
});
export type FlowReplayBody = Type.Static<typeof FlowReplayBody>;

/** The body of a discard. Exactly one of `ids`, `filter`, `query` and `all` has to be given. */
export const DiscardBody = Type.Object(selection, { additionalProperties: false });
export type DiscardBody = Type.Static<typeof DiscardBody>;

const moved = {
  dryRun: Type.Boolean(),
  matched: Count("Dead letters that the selection matched"),
  skipped: Count(
    "How many of the matched dead letters were unknown, no longer dead, or not replayed because of their unique key",
  ),
  scanned: Type.Optional(Count("With a filter: the dead letters that were read")),
  total: Type.Optional(Count("With a filter: all dead letters of the queue")),
};
export const ReplayReply = Type.Object({
  ...moved,
  replayed: Count(),
  results: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        outcome: oneOf(["replayed", "moved", "not_dead", "not_found", "unique_conflict"]),
        newId: Type.Optional(Type.String({ description: "The id of the task in the other queue" })),
        heldBy: Type.Optional(
          Type.String({ description: "With unique_conflict: the task that holds the unique key" }),
        ),
      }),
      { description: "One per id, if ids were given" },
    ),
  ),
});
export type ReplayReply = Type.Static<typeof ReplayReply>;
export const DiscardReply = Type.Object({
  ...moved,
  discarded: Count(),
  operationId: nullable(Type.String({ description: "The operation that can be undone; null for a dry run" })),
  undoUntil: nullable(Timestamp("Until when the operation can be undone")),
  results: Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), outcome: oneOf(["discarded", "not_dead", "not_found"]) })),
  ),
});
export type DiscardReply = Type.Static<typeof DiscardReply>;

export const ScheduledFilter = Type.Object(
  {
    type: Type.Optional(TaskType),
    tag: Type.Optional(Tag),
    flow: Type.Optional(FlowId),
    error: Type.Optional(SearchText("Text to find in the last error")),
    q: Type.Optional(SearchText("Text to find in id, type, error, tags or payload")),
    from: Type.Optional(Timestamp("Due at this time or later")),
    to: Type.Optional(Timestamp("Due before this time")),
  },
  { additionalProperties: false, minProperties: 1, description: "All given fields have to match" },
);
/** The body of a change of waiting tasks. Exactly one of `ids`, `filter`, `query` and `all` has to be given. */
export const ChangeTasksBody = Type.Object(
  {
    ...selection,
    filter: Type.Optional(ScheduledFilter),
    all: Type.Optional(Type.Literal(true, { description: "Every scheduled task of the queue" })),
    change: Type.Object(
      {
        runAt: ChangeBody.properties.runAt,
        delayMs: ChangeBody.properties.delayMs,
        priority: ChangeBody.properties.priority,
      },
      { additionalProperties: false, minProperties: 1 },
    ),
  },
  { additionalProperties: false },
);
export type ChangeTasksBody = Type.Static<typeof ChangeTasksBody>;
export const ChangeTasksReply = Type.Object({
  dryRun: Type.Boolean(),
  matched: Count("Tasks that the selection matched"),
  scanned: Type.Optional(Count("Scheduled tasks that were read for a filter")),
  total: Type.Optional(Count("Scheduled tasks of the queue, if there is a filter")),
  changed: Count(),
  skipped: Count(
    "How many of the matched tasks were unknown, no longer waiting, or had these values already",
  ),
  operationId: nullable(Type.String({ description: "The operation; null for a dry run" })),
});
export type ChangeTasksReply = Type.Static<typeof ChangeTasksReply>;

/** The kinds of operations. `restore` undoes a `discard`. */
export const OPERATION_KINDS = ["replay", "discard", "restore", "change", "empty", "burst"] as const;
export const OPERATION_STATES = ["running", "paused", "succeeded", "failed", "cancelled"] as const;

export const CanaryView = Type.Object({
  size: Count("How many tasks are replayed first"),
  waitMs: Count("How long the first tasks may take to complete"),
  state: oneOf(["waiting", "running", "passed", "stopped"]),
  taskIds: Type.Array(Type.String(), { description: "The tasks that were replayed first" }),
  completed: Count("How many of them have completed so far"),
  detail: nullable(Type.String({ description: "Why the replay stopped" })),
});

/**
 * An operation on many tasks, which continues after its request was answered. It is stored in Redis, so that any
 * observability process can continue it.
 */
export const OperationView = Type.Object({
  id: Type.String(),
  kind: oneOf(OPERATION_KINDS),
  queue: Type.String(),
  state: oneOf(OPERATION_STATES),
  done: Count("Finished tasks, including skipped ones"),
  total: Count("Tasks of the operation that were counted so far"),
  startedAt: Timestamp("Start"),
  endedAt: nullable(Timestamp("End")),
  error: nullable(Type.String()),
  result: Type.Record(Type.String(), Type.Integer(), { description: "Counts, such as replayed and skipped" }),
  actor: Type.String({ description: "Who started the operation" }),
  reason: nullable(Type.String()),
  ratePerSecond: nullable(Type.Number()),
  to: nullable(Type.String({ description: "The queue that tasks are replayed into, if it is another one" })),
  canary: nullable(CanaryView),
  undoUntil: nullable(Timestamp("For a discard: until when it can be undone")),
  undoneAt: nullable(Timestamp("For a discard: when it was undone")),
  undoes: nullable(Type.String({ description: "For a restore: the discard that it undoes" })),
  failures: Count("Tasks that the operation could not move, see /failures"),
});
export type OperationView = Type.Static<typeof OperationView>;

export const OperationListQuery = Type.Object(
  {
    cursor: Type.Optional(Type.String({ maxLength: 128, description: "`cursor` of the previous page" })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageTasks, default: 50 })),
    queue: Type.Optional(QueueName),
    state: Type.Optional(oneOf(OPERATION_STATES)),
  },
  { additionalProperties: false },
);
export const OperationList = Type.Object({
  operations: Type.Array(OperationView, { description: "Newest first" }),
  cursor: nullable(Type.String({ description: "Cursor of the next page; null on the last page" })),
});
export type OperationList = Type.Static<typeof OperationList>;

/** A task for which an operation failed. */
export const OperationFailure = Type.Object({
  id: Type.String({ description: "Id of the task" }),
  at: Timestamp("When the operation tried to move the task"),
  code: Type.String({
    description:
      "not_dead | not_found | not_discarded | not_waiting | canary_failed, or the code of an error",
  }),
  detail: Type.String(),
});
export type OperationFailure = Type.Static<typeof OperationFailure>;
export const FailureQuery = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({ pattern: "^\\d{1,6}$", description: "`cursor` of the previous page" }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageTasks, default: 50 })),
  },
  { additionalProperties: false },
);
export const OperationFailures = Type.Object({
  failures: Type.Array(OperationFailure, { description: "Oldest first; the first 1,000 are kept" }),
  cursor: nullable(Type.String({ description: "Cursor of the next page; null on the last page" })),
  total: Count("Number of all failures"),
});

export const OperationParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

export const AUDIT_ACTIONS = [
  "queue.pause",
  "queue.resume",
  "queue.configure",
  "queue.partition",
  "queue.limits",
  "queue.hold",
  "queue.key_limit",
  "limit.share",
  "limit.unshare",
  "queue.empty",
  "queue.delete",
  "queue.burst",
  "queue.repair",
  "dead_letters.replay",
  "dead_letters.discard",
  "error.mute",
  "error.unmute",
  "task.enqueue",
  "task.enqueue_batch",
  "task.cancel",
  "task.change",
  "task.signal",
  "task.export",
  "flow.create",
  "flow.add",
  "flow.seal",
  "flow.cancel",
  "payload.read",
  "operation.pause",
  "operation.resume",
  "operation.cancel",
  "operation.undo",
  "schedule.put",
  "schedule.delete",
  "schedule.run",
  "schedule.pause",
  "schedule.resume",
  "alert.put",
  "alert.delete",
  "alert.mute",
  "alert.unmute",
  "alert.test",
  "alert_target.put",
  "alert_target.delete",
  "worker.drain",
  "worker.resume",
  "key.create",
  "key.revoke",
  "session.log_in",
  "session.log_out",
  "audit.export",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const AUDIT_OUTCOMES = ["succeeded", "accepted", "refused", "failed", "cancelled"] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** A record of the audit log: what an operator did. It never contains a payload. */
export const AuditRecord = Type.Object({
  at: Timestamp("Time of the action"),
  actor: Type.String({ description: "Label of the key, name of the user of the command, or anonymous" }),
  keyId: nullable(Type.String()),
  role: nullable(oneOf(ROLES)),
  from: Type.String({ description: "Address that the request came from, or cli@host" }),
  action: oneOf(AUDIT_ACTIONS),
  queue: nullable(Type.String()),
  subject: nullable(
    Type.String({
      description:
        "Id of the one task, flow, schedule, alert rule, target, worker or key that was changed; for a log-in the id of the key",
    }),
  ),
  count: Count(
    "Number of tasks that were changed, shown or exported; of records, for an export of the audit log; of refused log-ins in this record",
  ),
  reason: nullable(Type.String()),
  outcome: oneOf(AUDIT_OUTCOMES),
  code: nullable(Type.String({ description: "Code of the error, if the action was refused or failed" })),
  requestId: Type.String({ description: "Request id made by the service; `cli-<pid>` for the command" }),
  clientRequestId: nullable(
    Type.String({
      description: "`X-Request-Id` of the request: the client chooses it, so it proves nothing",
    }),
  ),
  operationId: nullable(Type.String()),
});
export type AuditRecord = Type.Static<typeof AuditRecord>;

const auditFilter = {
  queue: Type.Optional(QueueName),
  actor: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  action: Type.Optional(oneOf(AUDIT_ACTIONS)),
  from: Type.Optional(Timestamp("At this time or later")),
  to: Type.Optional(Timestamp("Before this time")),
};
export const AuditQuery = Type.Object(
  {
    ...auditFilter,
    cursor: Type.Optional(
      Type.String({ pattern: "^\\d{1,16}-\\d{1,16}$", description: "`cursor` of the previous page" }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageTasks, default: 50 })),
  },
  { additionalProperties: false },
);
export type AuditQuery = Type.Static<typeof AuditQuery>;
export const AuditExportQuery = Type.Object(auditFilter, { additionalProperties: false });
export const AuditList = Type.Object(
  {
    records: Type.Array(AuditRecord, { description: "Newest first" }),
    cursor: nullable(Type.String({ description: "Cursor of the next page; null on the last page" })),
    scanned: Count("Records that were read for this page"),
    total: Count("Records kept"),
  },
  {
    description:
      "With a filter a page can be short or empty before the end: continue while `cursor` is not null",
  },
);
export type AuditList = Type.Static<typeof AuditList>;
