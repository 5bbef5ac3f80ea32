import { Type } from "typebox";
import type { LimitsTrial } from "../limits-trial.ts";
import { type Assert, Count, type Same, Timestamp } from "./common.ts";
import { LimitsBody } from "./limits.ts";

export const LimitsTryBody = Type.Object(
  {
    limits: LimitsBody,
    slots: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          "The slots of all workers together. If absent: those of the workers that run now, or as many tasks as the record shows at one time if that is more",
      }),
    ),
  },
  { additionalProperties: false },
);

const Ms = (description?: string) =>
  Type.Number({ minimum: 0, ...(description === undefined ? {} : { description }) });

const WaitTimesSchema = Type.Object({ p50Ms: Ms(), p95Ms: Ms() });

const TrialRunSchema = Type.Object({
  wait: WaitTimesSchema,
  largestBacklog: Count("The most tasks that waited at one time"),
  backlogAtEnd: Count("The tasks that still waited when the last one had arrived"),
  peakRunning: Count("The most tasks that ran at one time"),
  slotsNeeded: Count("The slots with which the limits alone make tasks wait"),
});

export const LimitsTrialReply = Type.Object({
  queue: Type.String(),
  limits: LimitsBody,
  limitsToday: LimitsBody,
  completed: Count("Completed tasks that were replayed"),
  waiting: Count("Tasks that wait now and were replayed with them"),
  isCut: Type.Boolean({
    description: "True if there were more than the newest 10,000 completed tasks, or more that wait",
  }),
  firstAt: Timestamp("When the first of them arrived"),
  lastAt: Timestamp("When the last of them arrived or ended"),
  slots: Count("The slots of the workers in both simulations"),
  slotsToKeepUp: Count("With fewer slots the queue cannot keep up, whatever its limits are"),
  recorded: WaitTimesSchema,
  today: TrialRunSchema,
  tried: TrialRunSchema,
});
export type LimitsTrialSchemaMatches = Assert<Same<typeof LimitsTrialReply, LimitsTrial>>;
