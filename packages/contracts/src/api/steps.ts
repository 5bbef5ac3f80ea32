import { Type } from "typebox";
import { STEP_KINDS, STEP_OUTCOMES, type TaskSteps } from "../steps.ts";
import { type Assert, Count, nullable, oneOf, type Same, Timestamp } from "./common.ts";
import { TaskViewSchema } from "./task.ts";

export const TaskStepsSchema = Type.Object(
  {
    count: Count("How many steps the task has begun"),
    bytes: Count("Bytes of the results of all steps"),
    steps: Type.Array(
      Type.Object({
        name: Type.String(),
        kind: oneOf(STEP_KINDS),
        outcome: oneOf(STEP_OUTCOMES),
        at: Timestamp("When the step was done. For an open sleep or wait: when it ends"),
        bytes: Count("Bytes of its result"),
        calledId: nullable(
          Type.String({ description: "The task that a call has enqueued, while it is open" }),
        ),
      }),
      { description: "The last 100, oldest first" },
    ),
    signals: Type.Array(
      Type.Object({ event: Type.String(), at: Timestamp("When the signal came"), bytes: Count() }),
      {
        description: "The signals that the task has got and not used yet, oldest first",
      },
    ),
  },
  { description: "The durable steps of the task, without their results" },
);
export type TaskStepsMatch = Assert<Same<typeof TaskStepsSchema, TaskSteps>>;

/** A task with its durable steps, as `GET` of a single task returns it. */
export const TaskDetailSchema = Type.Object({
  ...TaskViewSchema.properties,
  steps: nullable(TaskStepsSchema),
});
export type TaskDetail = Type.Static<typeof TaskDetailSchema>;

export const SignalBody = Type.Object(
  {
    event: Type.String({
      pattern: "^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$",
      description: "The event for which the handler waits",
    }),
    data: Type.Optional(Type.Unknown({ description: "Any JSON value of at most 65,536 bytes" })),
  },
  { additionalProperties: false },
);
export type SignalBody = Type.Static<typeof SignalBody>;
export const SignalReply = Type.Object({
  id: Type.String(),
  outcome: oneOf(["delivered", "kept"], {
    description: "delivered: the task waited for it. kept: the task gets it when it waits for this event",
  }),
});
