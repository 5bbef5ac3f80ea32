import { type TSchema, Type } from "typebox";
import { LIMITS } from "../limits.ts";
import { FLOW_ID_PATTERN, QUEUE_NAME_PATTERN, TASK_ID_PATTERN, TASK_TYPE_PATTERN } from "../names.ts";

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A union of literals as a JSON Schema `enum`, which tools display better than a union. */
export const oneOf = <const T extends readonly string[]>(values: T, options: object = {}) =>
  Type.Unsafe<T[number]>({ type: "string", enum: [...values], ...options });

/** A schema for a time in milliseconds since the epoch. */
export const Timestamp = (description: string) =>
  Type.Integer({ description: `${description}, ms since the epoch` });
export const Count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });

/** Two dots in a row are refused, because clients rewrite URLs that contain them. */
export const QueueName = Type.String({
  pattern: QUEUE_NAME_PATTERN,
  description: "Name of a queue",
  examples: ["default"],
});
export const TaskId = Type.String({ pattern: TASK_ID_PATTERN, description: "Id of a task" });
export const FlowId = Type.String({ pattern: FLOW_ID_PATTERN, description: "Id of a flow" });
export const TaskType = Type.String({
  pattern: TASK_TYPE_PATTERN,
  description: "Type of a task",
  examples: ["demo.flaky"],
});
/** The reason that an operator gives. It is stored in the audit log, and shown for a paused queue. */
export const Reason = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "The reason; kept in the audit log",
});

export const SearchText = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 200,
    description: `${description}; case does not matter`,
  });
export const QueryText = Type.String({
  maxLength: LIMITS.queryCharacters,
  description: "Clauses that a task has to meet, see docs/queries.md",
  examples: ["type:email.* -reason:fatal died:<2h"],
});
/** A tag. It matches only as a whole, and upper and lower case differ. */
export const Tag = Type.String({
  minLength: 1,
  maxLength: LIMITS.tagCharacters,
  description: "A tag; it has to match as a whole",
});

export const QueueParams = Type.Object({ queue: QueueName });
export type QueueParams = Type.Static<typeof QueueParams>;
export const TaskParams = Type.Object({ queue: QueueName, id: TaskId });
export type TaskParams = Type.Static<typeof TaskParams>;

/** The body of every error response: `application/problem+json` (RFC 9457). */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.String({ description: "Stable code for programs" }),
    requestId: Type.Optional(Type.String()),
    taskId: Type.Optional(
      Type.String({ description: "The id of the task. Use it if you repeat the request" }),
    ),
    errors: Type.Optional(Type.Array(Type.Object({}, { additionalProperties: true }))),
  },
  { description: "What went wrong", additionalProperties: true },
);
export type Problem = Type.Static<typeof Problem>;

type Flat<T> = T extends readonly (infer U)[]
  ? Flat<U>[]
  : T extends object
    ? { [K in keyof T]: Flat<T[K]> }
    : T;
type Equal<A, B> =
  (<T>() => T extends Flat<A> ? 1 : 2) extends <T>() => T extends Flat<B> ? 1 : 2 ? true : false;
/** `true` if a schema describes exactly the type `View`; used with `Assert`. */
export type Same<Schema extends TSchema, View> = Equal<Type.Static<Schema>, View>;
/** Fails to compile unless `T` is `true`. */
export type Assert<T extends true> = T;
