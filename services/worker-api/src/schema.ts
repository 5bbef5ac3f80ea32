import { HOLD_SCOPES, LIMITS, TASK_ID_PATTERN } from "@holdfast/contracts";
import { backoffSchema, OneOf } from "@holdfast/service";
import { type TSchema, Type } from "typebox";

const strict = { additionalProperties: false };
const optional = Type.Optional;

const TYPE_RULE = "^(\\*|[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}(@[1-9][0-9]{0,8})?\\*?)$";
const workerId = Type.String({
  pattern: "^[A-Za-z0-9_.:-]{1,64}$",
  description: "New for each start of the worker.",
});
const requestId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: "Grows with each new request. A repeat with the same number gets the same answer.",
});
const lane = optional(
  Type.Integer({ minimum: 0, maximum: 63, default: 0, description: "Each lane numbers its own requests." }),
);
const leaseMs = optional(
  Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    default: 30_000,
    description: "How long a task stays leased without a heartbeat.",
  }),
);
const maxRetries = optional(
  Type.Integer({
    minimum: 0,
    maximum: LIMITS.maxRetries,
    default: 3,
    description: "For tasks that do not set it.",
  }),
);
const rule = Type.String({ pattern: TYPE_RULE });
const terms = optional(
  Type.Record(
    rule,
    Type.Object(
      {
        maxRetries: optional(Type.Integer({ minimum: 0, maximum: LIMITS.maxRetries })),
        timeoutMs: optional(Type.Integer({ minimum: 1, maximum: LIMITS.timeoutMs })),
      },
      strict,
    ),
    { description: "maxRetries and timeoutMs of single types, for tasks that do not set them." },
  ),
);
const types = optional(
  Type.Array(rule, {
    minItems: 1,
    maxItems: 1_000,
    default: ["*"],
    description: "The types that the worker runs: a type, a prefix with a star, or * for all.",
  }),
);
const want = Type.Integer({
  minimum: 1,
  maximum: LIMITS.scriptTasks,
  description: "The most tasks to take.",
});
const held = optional(
  Type.Integer({ minimum: 0, maximum: 100_000, default: 0, description: "How many tasks the worker holds." }),
);
const short = Type.String({ maxLength: 128 });
const info = optional(
  Type.Object(
    {
      host: optional(short),
      pid: optional(Type.Integer({ minimum: 0 })),
      version: optional(short),
      slots: optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
      queues: optional(Type.Array(short, { maxItems: 100 })),
      types: optional(Type.Array(rule, { maxItems: 1_000 })),
      startedAt: optional(Type.Integer({ minimum: 0 })),
    },
    { ...strict, description: "What operators see of the worker." },
  ),
);

export const acquireBody = Type.Object(
  {
    ...{ workerId, requestId, lane, want },
    waitMs: optional(
      Type.Integer({
        minimum: 0,
        maximum: LIMITS.waitMs,
        default: 0,
        description: "How long to wait for the first task.",
      }),
    ),
    ...{ types, held, leaseMs, maxRetries, terms, info },
  },
  strict,
);

export const of = {
  id: Type.String({ pattern: TASK_ID_PATTERN }),
  token: Type.String({
    minLength: 1,
    maxLength: 1_024,
    description: "Names the lease. Send it back unchanged.",
  }),
};
const error = Type.Object(
  {
    name: Type.String({ maxLength: 256 }),
    message: Type.String({ maxLength: 65_536 }),
    stack: optional(Type.String({ maxLength: 65_536, description: "The stack trace, without the message." })),
    code: optional(Type.String({ maxLength: 64 })),
  },
  strict,
);
const delayMs = Type.Integer({ minimum: 0, maximum: LIMITS.delayMs });

/** The fields that each verdict needs, and those that it may have. */
export const VERDICTS = {
  complete: { needed: [], also: ["result", "resultText"] },
  fail: { needed: ["error"], also: ["delayMs"] },
  fatal: { needed: ["error"], also: [] },
  cancel: { needed: [], also: ["error"] },
  postpone: { needed: ["delayMs"], also: ["error"] },
  rate_limit: { needed: ["delayMs"], also: ["scope", "error"] },
  suspend: { needed: ["until"], also: ["events"] },
  release: { needed: [], also: [] },
  unstarted: { needed: [], also: [] },
  no_handler: { needed: [], also: [] },
} as const;

export const verdict = Type.Object(
  {
    ...of,
    verdict: OneOf(Object.keys(VERDICTS) as (keyof typeof VERDICTS)[]),
    result: optional(Type.Unknown({ description: "Any JSON, at most 65,536 bytes." })),
    resultText: optional(
      Type.String({ description: "The result as JSON text, which is kept byte for byte." }),
    ),
    error: optional(error),
    delayMs: optional(delayMs),
    scope: optional(OneOf(HOLD_SCOPES)),
    until: optional(Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })),
    events: optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: LIMITS.waitedEvents })),
  },
  strict,
);

export const settleBody = Type.Object(
  {
    ...{ workerId, requestId, lane, leaseMs, maxRetries, terms, info },
    verdicts: Type.Array(verdict, { minItems: 1, maxItems: LIMITS.scriptTasks }),
    acquire: optional(
      Type.Object(
        { want, types, held },
        { ...strict, description: "Takes the next tasks in the same call." },
      ),
    ),
  },
  strict,
);

export const heartbeatBody = Type.Object(
  {
    ...{ workerId, leaseMs, info },
    leases: Type.Array(Type.Object(of, strict), { maxItems: LIMITS.scriptTasks }),
    state: optional(OneOf(["running", "draining", "stopped"] as const)),
  },
  strict,
);

const grants = {
  tasks: Type.Array(
    Type.Object({
      ...of,
      type: Type.String(),
      payload: Type.Unknown(),
      attempt: Type.Integer(),
      enqueuedAt: Type.Integer(),
      leaseMs: Type.Integer(),
      timeoutMs: Type.Integer({ description: "Counts from the grant." }),
      maxRetries: nullable(Type.Integer()),
      backoff: nullable(backoffSchema),
      tags: Type.Array(Type.String()),
      key: nullable(Type.String()),
      traceparent: nullable(Type.String()),
      schedule: nullable(
        Type.Object({ id: Type.String(), run: nullable(Type.Integer()), dueAt: Type.Integer() }),
      ),
      expiresAt: nullable(Type.Integer()),
      flow: nullable(Type.Object({ id: Type.String(), name: Type.String() })),
    }),
  ),
  alone: Type.Boolean({ description: "True: run no other task at the same time." }),
  makeRoom: Type.Boolean({ description: "End the tasks that run, then acquire with held 0." }),
  draining: Type.Boolean({ description: "An operator told the worker to take no more tasks." }),
  now: Type.Integer({ description: "The time of Redis." }),
};
export const acquireReply = Type.Object(grants);
export const settleReply = Type.Object({
  outcomes: Type.Array(OneOf(["acked", "retried", "dead", "cancelled", "released", "stale", "unknown"])),
  warnings: Type.Array(Type.String()),
  ...grants,
});
export const heartbeatReply = Type.Object({
  leases: Type.Array(OneOf(["renewed", "cancelled", "lost"])),
  draining: Type.Boolean(),
  now: Type.Integer(),
});

function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}
