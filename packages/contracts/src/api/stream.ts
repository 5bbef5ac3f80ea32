import { Type } from "typebox";
import { Count, nullable, oneOf, Timestamp } from "./common.ts";
import { OperationView } from "./operators.ts";
import { QueueStatsSchema, RatesByQueue } from "./queue.ts";
import { WorkerViewSchema } from "./workers.ts";

/**
 * A text frame of `WS /v1/stream`. Each frame has the whole state. The first one is sent when the connection opens,
 * then at most two per second. The client sends nothing; the server sends pings.
 */
export const StreamMessage = Type.Object({
  seq: Type.Integer({
    minimum: 1,
    description: "Counted from 1 on each connection; a gap means skipped frames",
  }),
  type: oneOf(["snapshot"]),
  at: Timestamp("Time of the frame"),
  sampledAt: nullable(
    Timestamp("When Redis last answered; if this is seconds before `at`, the counts are out of date"),
  ),
  redisUp: Type.Boolean({ description: "False if the counts are the last known ones" }),
  queues: Type.Array(QueueStatsSchema, {
    description:
      "At most 200 queues. If there are more, those with dead letters first, then those with the most waiting tasks",
  }),
  queuesTotal: Count("Number of all queues"),
  deadTotal: Count("Dead letters of all queues"),
  rates: RatesByQueue,
  workers: Type.Array(WorkerViewSchema, { description: "At most 200" }),
  operations: Type.Array(OperationView, { description: "Running operations and those that ended last" }),
});
export type StreamMessage = Type.Static<typeof StreamMessage>;
