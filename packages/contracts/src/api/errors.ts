import { Type } from "typebox";
import { ERROR_KINDS, ERROR_ORDERS } from "../error-view.ts";
import { Count, nullable, oneOf, QueueName, Reason, SearchText, TaskType, Timestamp } from "./common.ts";

/** The signature of an error: 12 hex digits. `other` stands for all failures without a signature. */
export const Signature = Type.String({
  pattern: "^([0-9a-f]{12}|other)$",
  description: "`signature` of an error; `other` for dead letters without one",
});

const ErrorMuteSchema = Type.Object(
  {
    by: Type.String(),
    at: Timestamp("When it was muted"),
    until: nullable(Timestamp("When the mute ends; null if it does not end by time")),
    untilFailures: nullable(Count("How many failures end the mute; null if failures do not end it")),
  },
  { description: "Who muted the error, and until when" },
);

export const ErrorSchema = Type.Object(
  {
    queue: Type.String(),
    signature: nullable(Type.String({ description: "For filters; null if the error is masked" })),
    type: Type.String(),
    title: Type.String({ description: "The error without the parts that differ from task to task" }),
    error: nullable(Type.String({ description: "The first failure, with its stack" })),
    dead: Count("Dead letters at present"),
    failures: Count("All failures, also those that were retried"),
    firstAt: Timestamp("First failure"),
    lastAt: Timestamp("Last failure"),
    isNew: Type.Boolean({ description: "It came with the version of the worker that started last" }),
    versions: Type.Array(Type.String(), { description: "The first and the newest versions of workers" }),
    tags: Type.Array(Type.String(), { description: "The first and the newest tags of its tasks" }),
    trend: Type.Array(Count(), { description: "Failures in each of the last 48 half hours, oldest first" }),
    mute: nullable(ErrorMuteSchema),
  },
  { description: "Failures of one type whose messages differ only in numbers, ids and the like" },
);

const query = {
  type: Type.Optional(TaskType),
  q: Type.Optional(SearchText("Text to find in the error, its type or its tags")),
  kind: Type.Optional(
    oneOf(ERROR_KINDS, { default: "open", description: "open: not muted; dead: with dead letters" }),
  ),
  sort: Type.Optional(oneOf(ERROR_ORDERS, { default: "last", description: "What comes first" })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 200 })),
};
export const ErrorsQuery = Type.Object(query, { additionalProperties: false });
export type ErrorsQuery = Type.Static<typeof ErrorsQuery>;

export const ErrorsReply = Type.Object({
  at: Timestamp("When they were counted"),
  errors: Type.Array(ErrorSchema),
  total: Count("How many errors match"),
  dead: Count("Dead letters of all these queues, of errors that do not match too"),
  other: Type.Array(Type.Object({ queue: Type.String(), dead: Count(), failures: Count() }), {
    description:
      "What is counted under no error: dead letters of earlier versions, and errors beyond 500 of a queue",
  }),
});
export type ErrorsReply = Type.Static<typeof ErrorsReply>;

export const ErrorParams = Type.Object({ queue: QueueName, signature: Signature });
export const MuteBody = Type.Object(
  {
    forMs: Type.Optional(
      Type.Integer({ minimum: 1_000, maximum: 31_536_000_000, description: "The mute ends after this time" }),
    ),
    failures: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        description: "The mute ends after this many failures",
      }),
    ),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);
export type MuteBody = Type.Static<typeof MuteBody>;
export const MuteReply = Type.Object({
  queue: Type.String(),
  signature: Type.String(),
  mute: nullable(ErrorMuteSchema),
});
