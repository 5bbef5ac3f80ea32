import {
  ALERT_LIMITS,
  type AlertCondition,
  type AlertedQueue,
  type AlertMessage,
  type AlertMessageKind,
  alertValueText,
  conditionText,
} from "@holdfast/contracts";

/** The texts that tell the receiver which system sent an alert. */
export interface AlertSource {
  /** The value of ENVIRONMENT. */
  environment: string | null;
  /** Returns the name of the Redis if the process shows several; otherwise null. */
  redisName(): string | null;
  /** The value of DASHBOARD_URL. */
  dashboardUrl: string | null;
}

export function messageOf(
  kind: AlertMessageKind,
  rule: { name: string; when: AlertCondition },
  queues: readonly AlertedQueue[],
  now: number,
): AlertMessage {
  const named = queues.slice(0, ALERT_LIMITS.queuesOfMessage);
  return {
    kind,
    rule: rule.name,
    when: rule.when,
    queues: named,
    more: queues.length - named.length,
    at: now,
  };
}

/** Returns the JSON body for a webhook, in the form that all webhooks of Holdfast have. */
export function webhookBody(
  message: AlertMessage,
  { environment, redisName, dashboardUrl }: AlertSource,
): string {
  const { kind, rule, when, queues, more, at } = message;
  return JSON.stringify({
    type: kind === "repeat" ? "alert.firing" : `alert.${kind}`,
    timestamp: new Date(at).toISOString(),
    data: {
      rule,
      condition: when,
      summary: summaryOf(message),
      repeated: kind === "repeat",
      queues: queues.map(({ since, ...queue }) => ({ ...queue, since: new Date(since).toISOString() })),
      moreQueues: more,
      environment,
      redis: redisName(),
      url: dashboardUrl === null ? null : alertsUrl(dashboardUrl),
    },
  });
}

/** Returns the JSON body for an incoming webhook of Slack. */
export function slackBody(
  message: AlertMessage,
  { environment, redisName, dashboardUrl }: AlertSource,
): string {
  const { kind, when, queues, more } = message;
  const figure = ({ queue, value }: AlertedQueue) =>
    when === null ? queue : `${queue}: ${alertValueText(when.kind, value)}`;
  const origin = [environment, redisName()].filter((name) => name !== null).join(" ");
  const lines = [
    `${MARKS[kind]} ${origin === "" ? "" : `[${origin}] `}${summaryOf(message)}`,
    ...queues.map((queue) => `• ${figure(queue)}`),
    ...(more > 0 ? [`• and ${more} more`] : []),
  ].map(escaped);
  // Slack turns an address in angle brackets into a link, so this line is not escaped like the others.
  if (dashboardUrl !== null) lines.push(`<${alertsUrl(dashboardUrl)}|Open the dashboard>`);
  return JSON.stringify({ text: lines.join("\n") });
}

const MARKS: Record<AlertMessageKind, string> = {
  firing: ":red_circle:",
  repeat: ":red_circle:",
  resolved: ":large_green_circle:",
  test: ":white_circle:",
};

function summaryOf({ kind, rule, when, queues, more }: AlertMessage): string {
  if (kind === "test" || when === null) return "This is a test message of Holdfast.";
  const count = queues.length + more;
  const where = count === 1 ? (queues[0]?.queue ?? "") : `${count} queues`;
  if (kind === "resolved") return `${rule} is resolved for ${where}`;
  return `${rule} ${kind === "repeat" ? "still fires" : "fires"} for ${where}: ${conditionText(when)}`;
}

const alertsUrl = (dashboardUrl: string) => `${dashboardUrl.replace(/\/+$/, "")}/alerts`;

/** Slack reads these three characters as the beginning of links and mentions. */
const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
