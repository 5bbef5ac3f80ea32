/** The name of a rule or a target. Names are labels of metrics and parts of paths. */
export const ALERT_NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,31}$";
/** A queue, or a pattern in which `*` stands for any characters. */
export const ALERT_QUEUES_PATTERN = "^[A-Za-z0-9_.*-]{1,64}$";

export const ALERT_LIMITS = {
  rules: 100,
  targets: 20,
  targetsOfRule: 10,
  /** Ended notifications that are kept. */
  notifications: 500,
  /** Notifications that may wait for one target. */
  waiting: 100,
  /** Queues that one message names. The message only counts the others. */
  queuesOfMessage: 20,
  /** Longest `forMs`, `keepFiringForMs`, `repeatMs` and mute. */
  timeMs: 31_536_000_000,
  urlCharacters: 1_024,
} as const;

/** What a rule watches in each of its queues. */
export type AlertCondition =
  /** More dead letters than this. */
  | { kind: "dead_letters"; above: number }
  /** The oldest pending task is older than this. A paused queue is left out. */
  | { kind: "oldest_pending"; aboveMs: number }
  /** Tasks wait, and no worker of the queue runs. A paused queue is left out. */
  | { kind: "no_workers" }
  /** The share of the attempts of the last `windowMs` that failed, if at least `minTasks` attempts ended. */
  | { kind: "failure_ratio"; above: number; windowMs: number; minTasks: number };

export const ALERT_KINDS = ["dead_letters", "oldest_pending", "no_workers", "failure_ratio"] as const;

/** The definition of an alert rule. */
export interface AlertRule {
  /** What the rule watches. */
  when: AlertCondition;
  /** A queue, or a pattern such as `mail.*`; `*` for all queues. */
  queues: string;
  /** How long the condition has to hold before the alert fires. */
  forMs: number;
  /** How long the condition has to be over before the alert ends; `keep_firing_for` of Prometheus. */
  keepFiringForMs: number;
  /** While an alert fires, its message is repeated after this time; 0: never. */
  repeatMs: number;
  /** Whether a message says that an alert has ended. */
  resolved: boolean;
  /** The names of the targets that get the messages. */
  targets: string[];
}

/** What a rule has that leaves a field out. How much is too much has no default. */
export const ALERT_DEFAULTS = {
  queues: "*",
  forMs: 60_000,
  keepFiringForMs: 0,
  repeatMs: 0,
  resolved: true,
  windowMs: 300_000,
  minTasks: 20,
} as const;

type FailureRatio = Extract<AlertCondition, { kind: "failure_ratio" }>;

/** The definition of an alert rule that leaves out what has a default. */
export interface AlertRuleInput extends Partial<Omit<AlertRule, "when">> {
  when:
    | Exclude<AlertCondition, FailureRatio>
    | (Pick<FailureRatio, "kind" | "above"> & Partial<Pick<FailureRatio, "windowMs" | "minTasks">>);
}

/** Returns the whole definition of a rule. */
export function wholeRule({ when, ...rule }: AlertRuleInput): AlertRule {
  const { windowMs, minTasks, ...defaults } = ALERT_DEFAULTS;
  return {
    ...{ ...defaults, targets: [], ...rule },
    when: when.kind === "failure_ratio" ? { windowMs, minTasks, ...when } : when,
  };
}

/** Who muted a rule, and until when. */
export interface AlertMute {
  by: string;
  /** Milliseconds since the epoch, as are all times here. */
  at: number;
  /** Null if the mute has no end. */
  until: number | null;
  reason: string | null;
}

/** `ok`: the condition holds for no queue. `pending`: it holds, but not yet for `forMs`. */
export const ALERT_STATES = ["ok", "pending", "firing"] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** A queue for which the condition of a rule holds, or whose alert still fires. */
export interface AlertView {
  queue: string;
  state: Exclude<AlertState, "ok">;
  /** When the alert began to fire; for a pending alert, since when the condition has held. */
  since: number;
  /** The figure that the rule watches, as this process has sampled it last; null if it is not known. */
  value: number | null;
}

/** A rule with its state. */
export interface AlertRuleView extends AlertRule {
  name: string;
  updatedAt: number;
  /** The worst state of its queues. */
  state: AlertState;
  /** Since when it has this state; null if it is ok. */
  since: number | null;
  /** The queues for which the condition holds, those that fire first. */
  alerts: AlertView[];
  /** Null if the rule is not muted. */
  mute: AlertMute | null;
}

export const ALERT_TARGET_KINDS = ["webhook", "slack"] as const;
export type AlertTargetKind = (typeof ALERT_TARGET_KINDS)[number];

/** Where messages are sent, with its secrets. Only the process that sends them reads it. */
export interface AlertTarget {
  kind: AlertTargetKind;
  /** The URL is a secret too: whoever knows the URL of a Slack webhook can post to it. */
  url: string;
  /** Only of a webhook: one or two secrets of Standard Webhooks. A message is signed with each. */
  secrets: string[];
}

/** The part of a target that may be shown. */
export interface AlertTargetView {
  name: string;
  kind: AlertTargetKind;
  /** The host of its URL, and the port if it is not that of the protocol. */
  host: string;
  updatedAt: number;
}

export const ALERT_MESSAGES = ["firing", "repeat", "resolved", "test"] as const;
export type AlertMessageKind = (typeof ALERT_MESSAGES)[number];

/** One queue in a message. */
export interface AlertedQueue {
  queue: string;
  /** Since when the condition holds. */
  since: number;
  /** The figure at the time of the message; null if it is not known. */
  value: number | null;
}

/** The content of a message. The kind of the target decides how it is written. */
export interface AlertMessage {
  kind: AlertMessageKind;
  /** Null for a test. */
  rule: string | null;
  when: AlertCondition | null;
  /** At most 20. */
  queues: AlertedQueue[];
  /** How many queues the alert has besides these. */
  more: number;
  /** When the process decided to send the message. */
  at: number;
}

/**
 * `waiting`: not sent yet, or another attempt follows. `failed`: it was given up. `dropped`: too many messages waited
 * for the target.
 */
export const ALERT_OUTCOMES = ["waiting", "delivered", "failed", "dropped"] as const;
export type AlertOutcome = (typeof ALERT_OUTCOMES)[number];

/** One message to one target, and what became of it. */
export interface AlertNotification {
  /** It is the same in every attempt, so that the receiver can drop duplicates. */
  id: string;
  target: string;
  message: AlertMessage;
  outcome: AlertOutcome;
  attempts: number;
  /** When the next attempt is due; null if none follows. */
  nextAt: number | null;
  /** Null while it waits. */
  endedAt: number | null;
  /** What the target answered last, or why it could not be reached; null before the first attempt. */
  answer: string | null;
}

const names = new RegExp(ALERT_NAME_PATTERN);
export const isAlertName = (value: unknown): value is string =>
  typeof value === "string" && names.test(value);
const patterns = new RegExp(ALERT_QUEUES_PATTERN);
export const isAlertQueues = (value: unknown): value is string =>
  typeof value === "string" && patterns.test(value);

/** Returns a function that says whether a queue is among those of a rule. */
export function queuesMatcher(queues: string): (queue: string) => boolean {
  if (!queues.includes("*")) return (queue) => queue === queues;
  const parts = queues.split(/\*+/).map((part) => part.replaceAll(".", "\\."));
  const pattern = new RegExp(`^${parts.join(".*")}$`);
  return (queue) => pattern.test(queue);
}

const seconds = (ms: number) => {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0) return `${ms / 60_000} min`;
  return `${Math.round(ms / 100) / 10} s`;
};
const percent = (ratio: number) => `${Math.round(ratio * 1_000) / 10} %`;

/** Says what a condition watches, such as "more than 10 dead letters". */
export function conditionText(when: AlertCondition): string {
  switch (when.kind) {
    case "dead_letters":
      return `more than ${when.above} dead letters`;
    case "oldest_pending":
      return `the oldest pending task waits for more than ${seconds(when.aboveMs)}`;
    case "no_workers":
      return "tasks wait and no worker runs";
    default:
      return `more than ${percent(when.above)} of at least ${when.minTasks} attempts failed within ${seconds(when.windowMs)}`;
  }
}

/** Says a figure that a condition watches, such as "12 dead letters". */
export function alertValueText(kind: AlertCondition["kind"], value: number | null): string {
  if (value === null) return "not known";
  switch (kind) {
    case "dead_letters":
      return value === 1 ? "1 dead letter" : `${value} dead letters`;
    case "oldest_pending":
      return `${Math.round(value / 1_000)} s`;
    case "no_workers":
      return value === 1 ? "1 task waits" : `${value} tasks wait`;
    default:
      return percent(value);
  }
}
