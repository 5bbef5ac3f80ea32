import { Type } from "typebox";
import { LIMITS } from "../limits.ts";
import { DEAD_REASONS } from "../states.ts";
import { Count, nullable, oneOf, QueueName, Reason, TaskId, TaskType, Timestamp } from "./common.ts";

/** Up to here a replay or discard is answered with its result (200), beyond with an operation (202). */
export const SYNC_LIMIT = LIMITS.scriptTasks;

export const DeadLetterGroup = Type.Object({
  signature: Type.String({ description: "The error with its changing parts taken out" }),
  type: Type.String(),
  reason: oneOf(DEAD_REASONS),
  count: Count(),
  firstAt: Timestamp("Oldest"),
  lastAt: Timestamp("Newest"),
  sampleIds: Type.Array(Type.String()),
});
export const DeadLetterGroups = Type.Object(
  { groups: Type.Array(DeadLetterGroup) },
  { description: "Over at most the 1,000 newest dead letters" },
);

export const DeadLetterFilter = Type.Object(
  { type: Type.Optional(TaskType), reason: Type.Optional(oneOf(DEAD_REASONS)) },
  { additionalProperties: false, minProperties: 1 },
);

const selection = {
  ids: Type.Optional(
    Type.Array(TaskId, { minItems: 1, maxItems: LIMITS.batchTasks, uniqueItems: true, description: "These" }),
  ),
  filter: Type.Optional(DeadLetterFilter),
  all: Type.Optional(Type.Literal(true, { description: "Every dead letter of the queue" })),
  dryRun: Type.Optional(Type.Boolean({ default: false, description: "Count only; change nothing" })),
  reason: Type.Optional(Reason),
};

/** Exactly one of `ids`, `filter`, `all`. */
export const ReplayBody = Type.Object(
  {
    ...selection,
    ratePerSecond: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 100_000,
        description: "At most this many a second: always an operation",
      }),
    ),
    to: Type.Optional(QueueName),
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

/** Exactly one of `ids`, `filter`, `all`. */
export const DiscardBody = Type.Object(selection, { additionalProperties: false });
export type DiscardBody = Type.Static<typeof DiscardBody>;

const moved = {
  dryRun: Type.Boolean(),
  matched: Count("Dead letters that the selection named"),
  skipped: Count("Of them: no longer dead, or unknown"),
};
export const ReplayReply = Type.Object({
  ...moved,
  replayed: Count(),
  results: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        outcome: oneOf(["replayed", "moved", "not_dead", "not_found"]),
        newId: Type.Optional(Type.String({ description: "Its id in the other queue" })),
      }),
      { description: "Per id, where ids were given" },
    ),
  ),
});
export type ReplayReply = Type.Static<typeof ReplayReply>;
export const DiscardReply = Type.Object({
  ...moved,
  discarded: Count(),
  results: Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), outcome: oneOf(["discarded", "not_dead", "not_found"]) })),
  ),
});
export type DiscardReply = Type.Static<typeof DiscardReply>;

export const OPERATION_KINDS = ["replay", "discard", "empty", "burst"] as const;
export const OPERATION_STATES = ["running", "succeeded", "failed", "cancelled"] as const;

/** Work that outlives its request. Kept in the memory of the process that runs it. */
export const OperationView = Type.Object({
  id: Type.String(),
  kind: oneOf(OPERATION_KINDS),
  queue: Type.String(),
  state: oneOf(OPERATION_STATES),
  done: Count(),
  total: Count(),
  startedAt: Timestamp("Start"),
  endedAt: nullable(Timestamp("End")),
  error: nullable(Type.String()),
  result: Type.Record(Type.String(), Type.Integer(), { description: "Counts, such as replayed and skipped" }),
});
export type OperationView = Type.Static<typeof OperationView>;
export const OperationList = Type.Object({ operations: Type.Array(OperationView) });
export const OperationParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

export const AUDIT_ACTIONS = [
  "queue.pause",
  "queue.resume",
  "queue.configure",
  "queue.empty",
  "queue.delete",
  "queue.burst",
  "dead_letters.replay",
  "dead_letters.discard",
  "task.enqueue",
  "task.enqueue_batch",
  "task.cancel",
  "operation.cancel",
  "schedule.put",
  "schedule.delete",
  "schedule.run",
  "schedule.pause",
  "schedule.resume",
  "worker.drain",
  "worker.resume",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who did what. Never holds a payload. */
export const AuditRecord = Type.Object({
  at: Timestamp("When"),
  actor: Type.String({ description: "anonymous, until keys exist" }),
  action: oneOf(AUDIT_ACTIONS),
  queue: nullable(Type.String()),
  count: Count("Tasks that it touched"),
  reason: nullable(Type.String()),
  outcome: oneOf(["succeeded", "accepted", "refused", "failed", "cancelled"]),
  code: nullable(Type.String({ description: "Code of the error, where it was refused or failed" })),
  requestId: Type.String(),
  operationId: nullable(Type.String()),
});
export type AuditRecord = Type.Static<typeof AuditRecord>;
export const AuditQuery = Type.Object(
  {
    queue: Type.Optional(QueueName),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageTasks, default: 50 })),
  },
  { additionalProperties: false },
);
export const AuditList = Type.Object(
  { records: Type.Array(AuditRecord, { description: "Newest first" }) },
  { description: "The newest 1,000 of this process; the log holds all." },
);
