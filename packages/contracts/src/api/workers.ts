import { Type } from "typebox";
import type { WorkerView } from "../task.ts";
import { type Assert, Count, oneOf, Reason, type Same, Timestamp } from "./common.ts";

export const CurrentTaskSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  startedAt: Timestamp("Start"),
});

/** JSON Schema of `WorkerView`; `Assert` keeps the two equal. */
export const WorkerViewSchema = Type.Object({
  id: Type.String(),
  queues: Type.Array(Type.String()),
  types: Type.Array(Type.String()),
  host: Type.String(),
  pid: Type.Integer(),
  version: Type.String(),
  slots: Count(),
  busy: Count(),
  startedAt: Timestamp("Start"),
  heartbeatAt: Timestamp("Last heartbeat"),
  heartbeatAgeMs: Type.Number(),
  state: oneOf(["running", "paused", "draining", "drained", "stopped", "lost"], {
    description:
      "drained: it was asked to drain, and holds no tasks; paused: its program does not ask for tasks at the moment",
  }),
  tasks: Type.Optional(
    Type.Array(CurrentTaskSchema, { description: "Running tasks, at most 100; not in the live stream" }),
  ),
});
export type WorkerViewSchemaMatches = Assert<Same<typeof WorkerViewSchema, WorkerView>>;
export const WorkerList = Type.Object({ workers: Type.Array(WorkerViewSchema) });

export const WorkerParams = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 200, description: "Id of a worker" }),
});
export type WorkerParams = Type.Static<typeof WorkerParams>;
/** The optional body of the requests to drain or resume a worker. */
export const WorkerActionBody = Type.Object(
  { reason: Type.Optional(Reason) },
  { additionalProperties: false },
);
/** The reply to a drain or resume. The worker obeys at its next heartbeat, within two seconds. */
export const WorkerDrainReply = Type.Object({ id: Type.String(), draining: Type.Boolean() });
export type WorkerDrainReply = Type.Static<typeof WorkerDrainReply>;
