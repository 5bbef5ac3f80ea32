import { type TProperties, Type } from "typebox";
import {
  ALERT_DEFAULTS,
  ALERT_LIMITS,
  ALERT_MESSAGES,
  ALERT_NAME_PATTERN,
  ALERT_OUTCOMES,
  ALERT_QUEUES_PATTERN,
  ALERT_STATES,
  ALERT_TARGET_KINDS,
  type AlertCondition,
  type AlertMute,
  type AlertNotification,
  type AlertRuleInput,
  type AlertRuleView,
  type AlertTargetView,
} from "../alert.ts";
import { type Assert, Count, nullable, oneOf, Reason, type Same, Timestamp } from "./common.ts";
import { SERIES } from "./queue.ts";

const closed = { additionalProperties: false };

export const AlertName = Type.String({
  pattern: ALERT_NAME_PATTERN,
  description: "Name of an alert rule or a target",
  examples: ["dead-letters"],
});
export const AlertParams = Type.Object({ name: AlertName });

const windowMs = Type.Integer({
  minimum: 10_000,
  maximum: SERIES.windowMs,
  default: ALERT_DEFAULTS.windowMs,
});
const minTasks = Type.Integer({
  minimum: 1,
  maximum: 1_000_000_000,
  default: ALERT_DEFAULTS.minTasks,
  description: "If fewer attempts ended in this time, the condition does not hold",
});
const conditionWith = <Fields extends TProperties>(fields: Fields) =>
  Type.Union(
    [
      Type.Object(
        {
          kind: Type.Literal("dead_letters"),
          above: Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: "Dead letters" }),
        },
        closed,
      ),
      Type.Object(
        {
          kind: Type.Literal("oldest_pending"),
          aboveMs: Type.Integer({ minimum: 1_000, maximum: ALERT_LIMITS.timeMs }),
        },
        closed,
      ),
      Type.Object({ kind: Type.Literal("no_workers") }, closed),
      Type.Object(
        {
          kind: Type.Literal("failure_ratio"),
          above: Type.Number({ minimum: 0, exclusiveMaximum: 1, description: "0.25 for 25 %" }),
          ...fields,
        },
        closed,
      ),
    ],
    { description: "What the rule watches in each of its queues" },
  );
const Condition = conditionWith({ windowMs, minTasks });
export type AlertConditionMatches = Assert<Same<typeof Condition, AlertCondition>>;

const duration = (byDefault: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: ALERT_LIMITS.timeMs, default: byDefault, description });
const rule = {
  when: Condition,
  queues: Type.String({
    pattern: ALERT_QUEUES_PATTERN,
    default: ALERT_DEFAULTS.queues,
    description: "A queue, or a pattern such as mail.*; * for all queues",
    examples: ["*"],
  }),
  forMs: duration(ALERT_DEFAULTS.forMs, "How long the condition has to hold before the alert fires"),
  keepFiringForMs: duration(
    ALERT_DEFAULTS.keepFiringForMs,
    "How long the condition has to be over before the alert ends",
  ),
  repeatMs: duration(
    ALERT_DEFAULTS.repeatMs,
    "While an alert fires, its message is repeated after this time; 0: never",
  ),
  resolved: Type.Boolean({
    default: ALERT_DEFAULTS.resolved,
    description: "Whether a message says that an alert has ended",
  }),
  targets: Type.Array(AlertName, {
    maxItems: ALERT_LIMITS.targetsOfRule,
    uniqueItems: true,
    default: [],
    description: "The targets that get the messages",
  }),
};

/** Body of `PUT /v1/alerts/rules/:name`. Missing fields get their defaults. */
export const AlertRuleBody = Type.Object(
  {
    when: conditionWith({ windowMs: Type.Optional(windowMs), minTasks: Type.Optional(minTasks) }),
    queues: Type.Optional(rule.queues),
    forMs: Type.Optional(rule.forMs),
    keepFiringForMs: Type.Optional(rule.keepFiringForMs),
    repeatMs: Type.Optional(rule.repeatMs),
    resolved: Type.Optional(rule.resolved),
    targets: Type.Optional(rule.targets),
  },
  closed,
);
export type AlertRuleBody = Type.Static<typeof AlertRuleBody>;
export type AlertRuleMatches = Assert<Same<typeof AlertRuleBody, AlertRuleInput>>;

const AlertMuteSchema = Type.Object({
  by: Type.String(),
  at: Timestamp("When it was muted"),
  until: nullable(Timestamp("When the mute ends; null if it has no end")),
  reason: nullable(Type.String()),
});
export type AlertMuteMatches = Assert<Same<typeof AlertMuteSchema, AlertMute>>;

const value = nullable(
  Type.Number({ description: "Dead letters, ms, waiting tasks, or a ratio from 0 to 1; null: not known" }),
);
export const AlertRuleSchema = Type.Object({
  name: Type.String(),
  ...rule,
  updatedAt: Timestamp("When it was last written"),
  state: oneOf(ALERT_STATES, { description: "The worst state of its queues" }),
  since: nullable(Timestamp("Since when it has this state; null if it is ok")),
  alerts: Type.Array(
    Type.Object({
      queue: Type.String(),
      state: oneOf(["pending", "firing"]),
      since: Timestamp("Since when it fires; for a pending alert, since when the condition has held"),
      value,
    }),
    { description: "The queues for which the condition holds, or whose alert still fires" },
  ),
  mute: nullable(AlertMuteSchema),
});
export type AlertRuleViewMatches = Assert<Same<typeof AlertRuleSchema, AlertRuleView>>;

/** Body of `PUT /v1/alerts/targets/:name`. */
export const AlertTargetBody = Type.Object(
  {
    kind: oneOf(ALERT_TARGET_KINDS),
    url: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: ALERT_LIMITS.urlCharacters,
        description: "It is never shown again. If it is left out, the target keeps its URL",
      }),
    ),
    secrets: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
        minItems: 1,
        maxItems: 2,
        description:
          "Only for a webhook: `whsec_` and 24 to 64 bytes in base64; two while a secret is being replaced. They are never shown again",
      }),
    ),
  },
  closed,
);
export type AlertTargetBody = Type.Static<typeof AlertTargetBody>;

export const AlertTargetSchema = Type.Object({
  name: Type.String(),
  kind: oneOf(ALERT_TARGET_KINDS),
  host: Type.String({ description: "The host of its URL" }),
  updatedAt: Timestamp("When it was last written"),
});
export type AlertTargetMatches = Assert<Same<typeof AlertTargetSchema, AlertTargetView>>;

const notification = {
  id: Type.String({ description: "The same in every attempt: webhook-id" }),
  target: Type.String(),
  message: Type.Object({
    kind: oneOf(ALERT_MESSAGES),
    rule: nullable(Type.String({ description: "Null for a test" })),
    when: nullable(Condition),
    queues: Type.Array(
      Type.Object({ queue: Type.String(), since: Timestamp("Since when the condition holds"), value }),
    ),
    more: Count("How many queues the alert has besides these"),
    at: Timestamp("When the process decided to send the message"),
  }),
  outcome: oneOf(ALERT_OUTCOMES),
  attempts: Count(),
  nextAt: nullable(Timestamp("Next attempt; null if none follows")),
  endedAt: nullable(Timestamp("Null while it waits")),
  answer: nullable(
    Type.String({ description: "What the target answered last, or why it could not be reached" }),
  ),
};
export const AlertNotificationSchema = Type.Object(notification);
export type AlertNotificationMatches = Assert<Same<typeof AlertNotificationSchema, AlertNotification>>;

export const AlertsReply = Type.Object({
  rules: Type.Array(AlertRuleSchema),
  targets: Type.Array(AlertTargetSchema, { description: "Empty for a key that is limited to some queues" }),
});
export type AlertsReply = Type.Static<typeof AlertsReply>;

export const AlertNotificationsQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ALERT_LIMITS.notifications, default: 50 })) },
  closed,
);
export const AlertNotificationsReply = Type.Object({
  notifications: Type.Array(AlertNotificationSchema, {
    description: "The waiting ones, then the newest ended ones",
  }),
});
export type AlertNotificationsReply = Type.Static<typeof AlertNotificationsReply>;

/** Body of `POST /v1/alerts/rules/:name/mute`. */
export const AlertMuteBody = Type.Object(
  {
    forMs: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: ALERT_LIMITS.timeMs,
        description: "The mute ends after this time; if it is left out, the mute has no end",
      }),
    ),
    reason: Type.Optional(Reason),
  },
  closed,
);
export type AlertMuteBody = Type.Static<typeof AlertMuteBody>;
