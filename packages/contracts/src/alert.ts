/**
 * Pattern of the names of alert rules and targets. It is narrow, because names become labels of metrics and parts of
 * URLs.
 */
export const ALERT_NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,31}$";
/** Pattern of the queues of a rule: a queue name in which `*` stands for any characters. */
export const ALERT_QUEUES_PATTERN = "^[A-Za-z0-9_.*-]{1,64}$";

export const ALERT_LIMITS = {
  rules: 100,
  targets: 20,
  targetsOfRule: 10,
  /** At most this many ended notifications are kept, the newest ones. */
  notifications: 500,
  /** At most this many notifications may wait for one target; more are dropped. */
  waiting: 100,
  /** A message names at most this many queues, and says how many more there are. */
  queuesOfMessage: 20,
  /** The longest `forMs`, `keepFiringForMs`, `repeatMs` and mute. */
  timeMs: 31_536_000_000,
  urlCharacters: 1_024,
} as const;

/** The condition that a rule checks for each of its queues. */
export type AlertCondition =
  /** The queue has more dead letters than `above`. */
  | { kind: "dead_letters"; above: number }
  /** The oldest pending task is older than `aboveMs`. A paused queue never meets this condition. */
  | { kind: "oldest_pending"; aboveMs: number }
  /** Tasks are pending, and no worker of the queue runs. A paused queue never meets this condition. */
  | { kind: "no_workers" }
  /**
   * Of the attempts that ended in the last `windowMs`, a larger fraction than `above` failed. Needs at least `minTasks`
   * attempts.
   */
  | { kind: "failure_ratio"; above: number; windowMs: number; minTasks: number };

export const ALERT_KINDS = ["dead_letters", "oldest_pending", "no_workers", "failure_ratio"] as const;

/** The definition of an alert rule. */
export interface AlertRule {
  /** The condition that the rule checks. */
  when: AlertCondition;
  /** A queue name, or a pattern such as `mail.*`; `*` for all queues. */
  queues: string;
  /** How long the condition has to be true before the alert fires, ms. */
  forMs: number;
  /** How long the condition has to be false before the alert ends, ms; like `keep_firing_for` of Prometheus. */
  keepFiringForMs: number;
  /** While an alert fires, its message is repeated after this time, ms; 0: never. */
  repeatMs: number;
  /** Whether a message is sent when an alert ends. */
  resolved: boolean;
  /** The names of the targets that get the messages. */
  targets: string[];
}

/** The values of fields that a rule leaves out. The thresholds have no defaults. */
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

/** A rule as a user gives it: fields with defaults may be left out. */
export interface AlertRuleInput extends Partial<Omit<AlertRule, "when">> {
  when:
    | Exclude<AlertCondition, FailureRatio>
    | (Pick<FailureRatio, "kind" | "above"> & Partial<Pick<FailureRatio, "windowMs" | "minTasks">>);
}

/** Fills in the defaults of a rule. */
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
  /** When the mute ends; null if it does not end by itself. */
  until: number | null;
  reason: string | null;
}

/**
 * `ok`: the condition is true for no queue. `pending`: it is true, but not yet for `forMs`. `firing`: the alert was
 * sent.
 */
export const ALERT_STATES = ["ok", "pending", "firing"] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** A queue for which the condition of a rule is true, or whose alert still fires. */
export interface AlertView {
  queue: string;
  state: Exclude<AlertState, "ok">;
  /** When the alert began to fire; for a pending alert, since when the condition has been true. */
  since: number;
  /** The value that the rule checks, as this process measured it last; null if it is not known. */
  value: number | null;
}

/** An alert rule with its state. */
export interface AlertRuleView extends AlertRule {
  name: string;
  updatedAt: number;
  /** The worst state of the queues of the rule: firing, then pending, then ok. */
  state: AlertState;
  /** Since when the rule has this state; null for `ok`. */
  since: number | null;
  /** The queues for which the condition is true or that still fire; firing ones first. */
  alerts: AlertView[];
  /** Who muted the rule; null if it is not muted. */
  mute: AlertMute | null;
}

export const ALERT_TARGET_KINDS = ["webhook", "slack"] as const;
export type AlertTargetKind = (typeof ALERT_TARGET_KINDS)[number];

/** Where messages are sent, with the secrets for it. Only the process that sends messages reads this. */
export interface AlertTarget {
  kind: AlertTargetKind;
  /** The URL is a secret too: whoever knows the URL of a Slack webhook can post to it. */
  url: string;
  /** Only for a webhook: one or two secrets of Standard Webhooks. Each message is signed with each of them. */
  secrets: string[];
}

/** A target without its secrets, for display. */
export interface AlertTargetView {
  name: string;
  kind: AlertTargetKind;
  /** The host of the URL, with the port if it is not the default one. */
  host: string;
  updatedAt: number;
}

export const ALERT_MESSAGES = ["firing", "repeat", "resolved", "test"] as const;
export type AlertMessageKind = (typeof ALERT_MESSAGES)[number];

/** A queue that a message names. */
export interface AlertedQueue {
  queue: string;
  /** Since when the condition has been true. */
  since: number;
  /** The value that the rule checks, when the message was made; null if it is not known. */
  value: number | null;
}

/** The content of a message. Each kind of target has its own format for it. */
export interface AlertMessage {
  kind: AlertMessageKind;
  /** The name of the rule; null for a test message. */
  rule: string | null;
  when: AlertCondition | null;
  /** At most 20 queues of the alert. */
  queues: AlertedQueue[];
  /** How many more queues the alert has. */
  more: number;
  /** When the message was decided, ms since the epoch. */
  at: number;
}

/**
 * `waiting`: not delivered yet. `failed`: given up after the last attempt. `dropped`: too many messages waited for the
 * target.
 */
export const ALERT_OUTCOMES = ["waiting", "delivered", "failed", "dropped"] as const;
export type AlertOutcome = (typeof ALERT_OUTCOMES)[number];

/** One message to one target, and whether it was delivered. */
export interface AlertNotification {
  /** The same in every attempt, so that the receiver can drop duplicates. */
  id: string;
  target: string;
  message: AlertMessage;
  outcome: AlertOutcome;
  attempts: number;
  /** When the next delivery is attempted; null if there is none. */
  nextAt: number | null;
  /** When the message was delivered or given up; null while it waits. */
  endedAt: number | null;
  /** What the target last answered, or why it could not be reached; null before the first attempt. */
  answer: string | null;
}

const names = new RegExp(ALERT_NAME_PATTERN);
export const isAlertName = (value: unknown): value is string =>
  typeof value === "string" && names.test(value);
const patterns = new RegExp(ALERT_QUEUES_PATTERN);
export const isAlertQueues = (value: unknown): value is string =>
  typeof value === "string" && patterns.test(value);

/** Returns a function that says whether a queue matches the `queues` of a rule. */
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

/** Describes a condition in words, such as "more than 10 dead letters". */
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

/** Describes a measured value in words, such as "12 dead letters". */
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
