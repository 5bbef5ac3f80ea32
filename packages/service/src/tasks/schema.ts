import {
  DURABILITIES,
  LIMITS,
  NEW_TASK_ID_PATTERN,
  PRIORITIES,
  QUEUE_NAME_PATTERN,
  TASK_EVENT_TYPES,
  TASK_ID_PATTERN,
  TASK_TYPE_PATTERN,
} from "@holdfast/contracts";
import { KeepSchema, TaskReceipt, UniqueSchema } from "@holdfast/contracts/api";
import { type Static, Type } from "typebox";
import { OneOf } from "../http/validation.ts";

const strict = { additionalProperties: false };
const epochMs = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000, description });

export const backoffSchema = Type.Object(
  {
    kind: Type.Optional(OneOf(["exponential", "fixed"])),
    baseMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
    maxMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
    jitter: Type.Optional(OneOf(["full", "none"])),
  },
  strict,
);

/** All fields of a task except the payload, which this service never parses. */
export const taskOptionsSchema = Type.Object(
  {
    type: Type.String({ pattern: TASK_TYPE_PATTERN, description: "Chooses the handler." }),
    id: Type.Optional(
      Type.String({
        pattern: NEW_TASK_ID_PATTERN,
        description: "Makes the enqueue idempotent. Generated if absent.",
      }),
    ),
    ifEnded: Type.Optional(
      OneOf(["again", "duplicate"], {
        description:
          "With an id: what happens if the task with that id ended without completing (cancelled, expired, dead, discarded, emptied). again: it is enqueued anew. duplicate: its id stays taken, and nothing runs.",
        default: "again",
      }),
    ),
    partitionKey: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: LIMITS.partitionKeyCharacters,
        description:
          "Tasks of one key go to one partition of the queue, in their order. Cannot be combined with id.",
      }),
    ),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: LIMITS.keyBytes,
        description:
          "Tasks of one key wait in a line of their own, and the keys take turns. 1 to 128 bytes of UTF-8.",
      }),
    ),
    cost: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.cost,
        default: 1,
        description: "The task counts as this many starts in a rate limit.",
      }),
    ),
    unique: Type.Optional(UniqueSchema),
    priority: Type.Optional(OneOf(PRIORITIES, { default: "normal" })),
    delayMs: Type.Optional(Type.Integer({ minimum: 0, maximum: LIMITS.delayMs })),
    runAt: Type.Optional(
      epochMs("Not before this moment, ms since the epoch. Cannot be combined with delayMs."),
    ),
    version: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.version,
        description: "The version of the handler that the task needs. It becomes part of the type: order@2.",
      }),
    ),
    maxRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: LIMITS.maxRetries })),
    backoff: Type.Optional(backoffSchema),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.timeoutMs })),
    expiresAt: Type.Optional(epochMs("Not started after this moment, ms since the epoch.")),
    tags: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: LIMITS.tagCharacters }), { maxItems: LIMITS.tags }),
    ),
    keepPayload: Type.Optional(
      Type.Boolean({
        description: "False drops the payload at completion. A dead letter always keeps it.",
        default: true,
      }),
    ),
    keep: Type.Optional(KeepSchema),
    durability: Type.Optional(
      OneOf(DURABILITIES, {
        description:
          "How safely the task has to be stored before the answer. Default: the setting of the queue.",
      }),
    ),
    replicas: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16,
        description: "With durability replicated: how many replicas have to confirm. Default: 1.",
      }),
    ),
  },
  strict,
);
export type TaskFields = Static<typeof taskOptionsSchema>;

/** The body of an enqueue, for the API description. */
export const newTaskSchema = Type.Object(
  {
    ...taskOptionsSchema.properties,
    payload: Type.Unknown({
      description: `Any JSON, at most ${LIMITS.payloadBytes} bytes; stored as the exact text that was sent.`,
    }),
  },
  strict,
);

export const batchSchema = Type.Array(newTaskSchema, { minItems: 1, maxItems: LIMITS.batchTasks });

export const queueParams = Type.Object({ queue: Type.String({ pattern: QUEUE_NAME_PATTERN }) });
export const taskParams = Type.Object({
  queue: Type.String({ pattern: QUEUE_NAME_PATTERN }),
  id: Type.String({ pattern: TASK_ID_PATTERN }),
});

export const waitQuery = Type.Object(
  {
    waitMs: Type.Integer({
      minimum: 0,
      maximum: LIMITS.waitMs,
      default: 0,
      description: "Answer once the task has ended, at the latest after this time.",
    }),
  },
  strict,
);

export const eventsQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        maxLength: LIMITS.cursorCharacters,
        description:
          "The cursor of an event: the answer begins with the event after it. 0: with the oldest event that is kept. Default: only events from now on. Takes precedence over the header Last-Event-ID.",
      }),
    ),
    types: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: `Only events of these types, separated by commas: ${TASK_EVENT_TYPES.join(", ")}. A gap is always sent.`,
      }),
    ),
  },
  strict,
);

/** The schema of `QueueEvent` in @holdfast/contracts, for the API description. */
export const eventSchema = Type.Object({
  type: OneOf([...TASK_EVENT_TYPES, "gap"]),
  queue: Type.String(),
  cursor: Type.String({ description: "The position right after this event" }),
  id: Type.Optional(Type.String({ description: "Id of the task; for `flow_ended` that of the flow" })),
  at: Type.Optional(Type.Integer({ description: "Redis time, ms since the epoch" })),
  workerId: Type.Optional(Type.String({ description: "Only for `started`: the id of the worker" })),
  reason: Type.Optional(Type.String({ description: "Only for `dead`: why the task died" })),
  outcome: Type.Optional(Type.String({ description: "Only for `flow_ended`: success, failed or cancelled" })),
  resultText: Type.Optional(
    Type.String({ description: "Only for `completed`, if there is a result: JSON text" }),
  ),
  missed: Type.Optional(
    Type.Union([Type.Integer(), Type.Null()], {
      description: "Only for gap: how many events are missing; null if unknown",
    }),
  ),
});

/** Says what each status means if the id is already known. */
export const DUPLICATE_HELP =
  "200: a task with this id and body was stored before, and is waiting or running. 208: such a task was stored before and has ended, so nothing will run. 409: a task with another body has the id, or the task with the id is running and was asked to stop. With a unique key that another task holds: 200 or 208 with the id of that task and deduplicated: true, or 409 unique_conflict.";

export const batchResultSchema = Type.Object({
  accepted: Type.Integer({ description: "Stored by this request." }),
  duplicates: Type.Integer({ description: "Stored before, with the same body." }),
  failed: Type.Integer(),
  results: Type.Array(
    Type.Object({
      status: Type.Integer({
        description: `The status that a single enqueue would have had: 201, 200, 208, 409, 422, ... ${DUPLICATE_HELP}`,
      }),
      ...Type.Partial(TaskReceipt).properties,
      code: Type.Optional(Type.String()),
      heldBy: Type.Optional(
        Type.String({ description: "With unique_conflict: the task that holds the key." }),
      ),
      detail: Type.Optional(Type.String()),
    }),
    { description: "One per task, in the order given." },
  ),
});
export type BatchResult = Static<typeof batchResultSchema>;

export const problemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  requestId: Type.String(),
  taskId: Type.Optional(Type.String()),
  heldBy: Type.Optional(Type.String()),
  errors: Type.Optional(
    Type.Array(Type.Object({ path: Type.String(), message: Type.String(), in: Type.String() })),
  ),
});
