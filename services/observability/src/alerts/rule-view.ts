import {
  type AlertNotification,
  type AlertRuleView,
  type AlertTargetView,
  type AlertView,
  queuesMatcher,
} from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { mayUseQueue } from "@holdfast/service";
import { alertsOf, type StoredRule, type StoredTarget } from "holdfast/operate";
import type { Measure } from "./conditions.ts";

/** Returns the view of a rule with its state. @param measures the latest figures of this process */
export function viewOfRule(
  { state, ...rule }: StoredRule,
  measures: ReadonlyMap<string, Measure | null>,
  now: number,
): AlertRuleView {
  const alerts = alertsOf(state).map((alert) => ({
    ...alert,
    value: measures.get(alert.queue)?.value ?? null,
  }));
  const isMuted = rule.mute !== null && (rule.mute.until === null || rule.mute.until > now);
  return withAlerts(
    { ...rule, mute: isMuted ? rule.mute : null, state: "ok", since: null, alerts: [] },
    alerts,
  );
}

/** Returns the parts of a rule that the identity may see; null if it may see none of them. */
export function visibleRule(rule: AlertRuleView, identity: Identity): AlertRuleView | null {
  if (identity.queues === null) return rule;
  if (!identity.queues.some(queuesMatcher(rule.queues))) return null;
  return withAlerts(
    rule,
    rule.alerts.filter(({ queue }) => mayUseQueue(identity, queue)),
  );
}

/** Whether the identity may use all queues of a rule. A pattern can always match further queues. */
export const mayChangeRule = (identity: Identity, { queues }: Pick<StoredRule, "queues">) =>
  identity.queues === null || (!queues.includes("*") && mayUseQueue(identity, queues));

/** Whether the identity may see a message, which can name several queues. */
export const isVisible = (identity: Identity, { message: { kind, queues, more } }: AlertNotification) =>
  identity.queues === null ||
  (kind !== "test" && more === 0 && queues.every(({ queue }) => mayUseQueue(identity, queue)));

/** Returns the view of a target, without its URL and secrets. */
export function viewOfTarget({ name, kind, url, updatedAt }: StoredTarget): AlertTargetView {
  return { name, kind, host: URL.canParse(url) ? new URL(url).host : "", updatedAt };
}

function withAlerts(rule: AlertRuleView, alerts: readonly AlertView[]): AlertRuleView {
  const [worst] = alerts;
  return { ...rule, state: worst?.state ?? "ok", since: worst?.since ?? null, alerts: [...alerts] };
}
