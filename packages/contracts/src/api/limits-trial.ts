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
          "The slots of all workers together. If absent: the slots of the workers that run now, but not fewer than the tasks that the records show running at one time",
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
  slotsNeeded: Count("With this many slots, only the limits still make tasks wait"),
});

export const LimitsTrialReply = Type.Object({
  queue: Type.String(),
  limits: LimitsBody,
  limitsToday: LimitsBody,
  completed: Count("Completed tasks that were replayed"),
  waiting: Count("Tasks that wait now and were replayed with the completed ones"),
  isCut: Type.Boolean({
    description: "True if tasks were left out: more than 10,000 had completed, or too many wait",
  }),
  firstAt: Timestamp("When the first of the replayed tasks arrived"),
  lastAt: Timestamp("When the last of the replayed tasks arrived or ended"),
  slots: Count("The slots of the workers in both simulations"),
  slotsToKeepUp: Count("With fewer slots the queue cannot keep up, whatever its limits are"),
  recorded: WaitTimesSchema,
  today: TrialRunSchema,
  tried: TrialRunSchema,
});
export type LimitsTrialSchemaMatches = Assert<Same<typeof LimitsTrialReply, LimitsTrial>>;
