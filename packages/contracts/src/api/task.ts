import { Type } from "typebox";
import { CHANGED_FIELDS } from "../change.ts";
import { LIMITS } from "../limits.ts";
import { ATTEMPT_OUTCOMES, DEAD_REASONS, LISTED_STATES, PRIORITIES, TASK_STATES } from "../states.ts";
import { DURABILITIES, LOG_LEVELS, type TaskView } from "../task.ts";
import { UNIQUE_CONFLICTS, UNIQUE_SCOPES } from "../unique.ts";
import {
  type Assert,
  Count,
  FlowId,
  nullable,
  oneOf,
  QueryText,
  type Same,
  SearchText,
  Tag,
  TaskType,
  Timestamp,
} from "./common.ts";
import { Signature } from "./errors.ts";

export const BackoffSchema = Type.Object(
  {
    kind: Type.Optional(oneOf(["exponential", "fixed"])),
    baseMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
    maxMs: Type.Optional(Type.Integer({ minimum: 0 })),
    jitter: Type.Optional(oneOf(["full", "none"])),
  },
  { additionalProperties: false, description: "The wait before a retry" },
);

/** JSON Schema of `Keep`. */
export const KeepSchema = Type.Object(
  {
    completedMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: LIMITS.keepMs,
        description: "How long the completed task is kept. 0: until the next sweep of a janitor.",
      }),
    ),
    deadMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.keepMs,
        description: "How long the dead letter is kept. The caps of the queue apply as well.",
      }),
    ),
    count: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.keepCount,
        description: "How many completed tasks of this type are kept, of those that have a count.",
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: "How long the task is kept after its end, instead of the settings of the queue.",
  },
);

/** JSON Schema of `Unique`. */
export const UniqueSchema = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: LIMITS.keyBytes, description: "1 to 128 bytes of UTF-8." }),
    scope: Type.Optional(
      oneOf(UNIQUE_SCOPES, {
        description:
          "How long a task holds the key. waiting: until it runs. unfinished: until it has ended. window: for windowMs. Default: unfinished; waiting with debounce.",
      }),
    ),
    windowMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.delayMs,
        description: "Required with the scope window, and not allowed without it.",
      }),
    ),
    onConflict: Type.Optional(
      oneOf(UNIQUE_CONFLICTS, {
        description:
          "existing: the answer is 200 or 208 with the task that holds the key and deduplicated: true. reject: 409 unique_conflict. replace: the task that holds the key gets this payload and these options, if it still waits. debounce: the same, and the task is due delayMs after the last enqueue. keepLatest: like replace; if the task runs, one more task waits for its end and is replaced. Default: existing.",
      }),
    ),
    maxWaitMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.delayMs,
        description:
          "With debounce, and only with it: the task is due this long after the first enqueue at the latest.",
      }),
    ),
  },
  { additionalProperties: false, description: "Accepts the task only if no other one holds this key." },
);

export const UniqueViewSchema = Type.Object({
  key: Type.String(),
  scope: oneOf(UNIQUE_SCOPES, { description: "How long a task holds the key" }),
  windowMs: nullable(Type.Integer()),
  onConflict: oneOf(UNIQUE_CONFLICTS),
  maxWaitMs: nullable(Type.Integer()),
  replaced: nullable(
    Type.Object(
      {
        count: Count("How often"),
        firstAt: Timestamp("First time"),
        lastAt: Timestamp("Last time"),
        by: Type.String({ description: "The instance of the library that replaced it last" }),
      },
      { description: "Enqueues that replaced the task" },
    ),
  ),
  holder: nullable(Type.String({ description: "The task that was accepted last for the key" })),
});

export const TaskScheduleSchema = Type.Object({
  id: Type.String({ description: "Id of the schedule" }),
  run: nullable(Count("Number of the occurrence, from 1; null for a run by hand")),
  dueAt: Timestamp("The time of the occurrence"),
});

export const AttemptViewSchema = Type.Object({
  attempt: Count("Counted from 1 within the generation"),
  generation: Count(),
  outcome: oneOf(ATTEMPT_OUTCOMES),
  workerId: Type.String(),
  fence: Type.String({ description: "The part of the token that Redis keeps" }),
  startedAt: Timestamp("Start"),
  endedAt: nullable(Timestamp("End")),
  error: nullable(Type.String()),
});

export const ReplayViewSchema = Type.Object({
  generation: Count("The generation that the replay began"),
  at: Timestamp("When"),
});

const TaskFlowSchema = Type.Object(
  {
    id: Type.String({ description: "The id of the flow" }),
    name: Type.String({ description: "The name of the node; of a callback its moment" }),
    waitsFor: Count("While it waits: how many nodes before it have not ended"),
    skippedBy: nullable(Type.String({ description: "The task because of which it was skipped" })),
  },
  { description: "Its place in a flow" },
);

/** JSON Schema of `TaskView`; `Assert` keeps the two equal. */
export const TaskViewSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  state: oneOf(TASK_STATES),
  priority: oneOf(PRIORITIES),
  payloadText: Type.String({ description: "The exact text that was enqueued; empty if it was not kept" }),
  payloadBytes: Count(),
  payloadKept: Type.Boolean({ description: "False if the task completed with keepPayload: false" }),
  resultText: nullable(Type.String({ description: "The exact JSON text that the handler returned" })),
  attempts: Count("How many leases of the task were granted in this generation"),
  failures: Count("Attempts that the handler ended with an error"),
  crashes: Count("Attempts whose lease expired"),
  releases: Count(),
  generation: Count("Raised by each replay"),
  diedAgain: Type.Boolean({ description: "A dead letter that was replayed before" }),
  maxRetries: nullable(Type.Integer()),
  timeoutMs: nullable(Type.Integer()),
  backoff: nullable(BackoffSchema),
  tags: Type.Array(Type.String()),
  keep: nullable(KeepSchema),
  keptUntil: nullable(Timestamp("When its option keep removes it")),
  key: nullable(Type.String({ description: "The key of the task" })),
  cost: Type.Integer({ description: "How much of a rate limit the task uses" }),
  unique: nullable(UniqueViewSchema),
  schedule: nullable(TaskScheduleSchema),
  flow: nullable(TaskFlowSchema),
  traceId: nullable(Type.String({ description: "The trace that the task belongs to, 32 hex digits" })),
  enqueuedAt: Timestamp("Enqueued"),
  runAt: nullable(Timestamp("Due")),
  expiresAt: nullable(Timestamp("Expires")),
  leaseExpiresAt: nullable(Timestamp("End of the current lease")),
  endedAt: nullable(Timestamp("Terminal since")),
  workerId: nullable(Type.String()),
  fence: nullable(
    Type.String({ description: "The part of the token of the present or last lease that Redis keeps" }),
  ),
  cancelRequested: Type.Boolean(),
  solo: Type.Boolean({ description: "True if the task crashed its worker twice; it then runs alone" }),
  unroutedSince: nullable(Timestamp("Since when no worker has a handler for its type")),
  waitsFor: nullable(
    Type.Array(Type.String(), {
      description:
        "The events for which its handler waits, none if it sleeps; `=<id>` is the end of a task that it called",
    }),
  ),
  deadReason: nullable(oneOf(DEAD_REASONS)),
  signature: nullable(Type.String({ description: "The error under which a dead letter is counted" })),
  lastError: nullable(Type.String()),
  progress: nullable(Type.String()),
  checkpointBytes: nullable(Count("Size of the checkpoint that a handler kept for the next attempt")),
  log: Type.Array(Type.String()),
  logMarks: Type.Array(
    Type.Object({ at: nullable(Timestamp("When the line was written")), level: oneOf(LOG_LEVELS) }),
    { description: "The time and the level of each line of `log`, in the same order" },
  ),
  history: Type.Array(AttemptViewSchema, {
    description: "Every attempt, oldest first; the last 32 attempts and replays are kept",
  }),
  replays: Type.Array(ReplayViewSchema, {
    description: "Every replay of the task in its own queue, oldest first",
  }),
  changes: nullable(
    Type.Object(
      {
        count: Count("How often"),
        firstAt: Timestamp("First time"),
        lastAt: Timestamp("Last time"),
        by: Type.String({ description: "The instance of the library that changed it last" }),
        fields: Type.Array(oneOf(CHANGED_FIELDS)),
      },
      { description: "The changes that the task got while it waited, counted together" },
    ),
  ),
});
export type TaskViewSchemaMatches = Assert<Same<typeof TaskViewSchema, TaskView>>;

/** The reply to an enqueue. */
export const TaskReceipt = Type.Object({
  id: Type.String(),
  // The state of the task with this id. "purged" if a duplicate was enqueued and only the id of the first task is
  // known.
  state: oneOf([...TASK_STATES, "purged"]),
  durability: oneOf(DURABILITIES, { description: "The durability that the task has reached" }),
  deduplicated: Type.Optional(
    Type.Boolean({
      description: "True: the task `id` holds the unique key, and this request stored no other one.",
    }),
  ),
  replaced: Type.Optional(
    Type.Boolean({ description: "True: the task `id` got the payload and the options of this request." }),
  ),
  willRun: Type.Optional(
    Type.Boolean({
      description:
        "Only if the task `id` was stored by an earlier request. True: it waits or runs. False: it will not run any more.",
    }),
  ),
});
/** The body of a change of one task. At least one field has to be given. */
export const ChangeBody = Type.Object(
  {
    runAt: Type.Optional(
      Timestamp("When it is due; a time that has passed: at once. Cannot be combined with delayMs"),
    ),
    delayMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: LIMITS.delayMs,
        description: "The delay until the task is due, ms; 0: at once. Cannot be combined with runAt",
      }),
    ),
    priority: Type.Optional(oneOf(PRIORITIES)),
    key: Type.Optional(
      nullable(Type.String({ minLength: 1, description: "The key of the task; null for none" })),
    ),
    payloadText: Type.Optional(
      Type.String({ minLength: 1, description: "The new payload as exact JSON text" }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type ChangeBody = Type.Static<typeof ChangeBody>;
export const ChangeReply = Type.Object({
  id: Type.String(),
  outcome: oneOf(["changed", "unchanged"], { description: "unchanged: the task had these values already" }),
  state: oneOf(["pending", "scheduled"], { description: "Its state now" }),
});
export type ChangeReply = Type.Static<typeof ChangeReply>;
export const CancelReply = Type.Object({ id: Type.String(), outcome: oneOf(["cancelled", "requested"]) });

const filter = {
  state: Type.Optional(
    oneOf(LISTED_STATES, { description: "State to list. Default: each state that the query allows" }),
  ),
  query: Type.Optional(QueryText),
  type: Type.Optional(TaskType),
  tag: Type.Optional(Tag),
  flow: Type.Optional(FlowId),
  q: Type.Optional(SearchText("Text to find in id, type, error, tags or payload")),
  error: Type.Optional(SearchText("Text to find in the last error")),
  signature: Type.Optional(Signature),
  reason: Type.Optional(oneOf(DEAD_REASONS, { description: "Why it died" })),
  from: Type.Optional(
    Timestamp(
      "When it ended, is due (scheduled) or was enqueued (pending, processing): at this time or later",
    ),
  ),
  to: Type.Optional(Timestamp("As `from`, but before this time")),
};

const page = {
  cursor: Type.Optional(Type.String({ maxLength: 1_024, description: "`cursor` of the previous page" })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageTasks, default: 50 })),
};

export const TaskListQuery = Type.Object({ ...filter, ...page }, { additionalProperties: false });
export type TaskListQuery = Type.Static<typeof TaskListQuery>;

export const TaskExportQuery = Type.Object(filter, { additionalProperties: false });
export type TaskExportQuery = Type.Static<typeof TaskExportQuery>;

export const TaskSearchQuery = Type.Object(
  { query: Type.Optional(QueryText), ...page },
  { additionalProperties: false },
);
export type TaskSearchQuery = Type.Static<typeof TaskSearchQuery>;

export const DeadLetterQuery = Type.Omit(TaskListQuery, ["state"], { additionalProperties: false });
export type DeadLetterQuery = Type.Static<typeof DeadLetterQuery>;

export const TaskPage = Type.Object({
  tasks: Type.Array(TaskViewSchema),
  cursor: nullable(Type.String({ description: "Cursor of the next page; null on the last page" })),
  scanned: Count("Records that were read for this page"),
  total: Count("Number of tasks in the lists that are searched"),
});
export type TaskPage = Type.Static<typeof TaskPage>;

export const WhyView = Type.Object({
  state: oneOf(TASK_STATES),
  reason: Type.String({
    description:
      "paused | after | waiting | no_worker_for_type | no_workers | workers_draining | workers_paused | not_due | overdue | running | worker_lost | solo | limited | skipped | terminal",
  }),
  detail: Type.String(),
  position: nullable(Count("Tasks before this one, if it waits")),
  positionIsEstimate: Type.Boolean({ description: "True for an estimate; positions up to 10,000 are exact" }),
  expectedStartAt: nullable(Timestamp("Expected start")),
});
export type WhyView = Type.Static<typeof WhyView>;
