import type { AlertedQueue, AlertMessageKind, AlertRule } from "@holdfast/contracts";
import type { HeldAlert, RuleState } from "holdfast/operate";
import type { Measure } from "./conditions.ts";

export interface RuleStep {
  state: RuleState;
  /** Whether the state differs from the state before the step. */
  isChanged: boolean;
  /** The queues that a message has to name, by the kind of the message. */
  messages: Map<Exclude<AlertMessageKind, "test">, AlertedQueue[]>;
}

export interface StepInput {
  rule: Pick<AlertRule, "forMs" | "keepFiringForMs" | "repeatMs" | "resolved">;
  before: RuleState;
  /** The measures of the queues of the rule; null for a queue with too few samples to tell. */
  measures: ReadonlyMap<string, Measure | null>;
  isMuted: boolean;
  /** Redis time, ms since the epoch. */
  now: number;
  /**
   * Whether the rule was evaluated without a gap since the last step. After a gap, the time that a condition has to
   * last starts again.
   */
  isContinuous: boolean;
}

/** Decides how the alerts of a rule change, and which messages have to be sent. */
export function stepRule({ rule, before, measures, isMuted, now, isContinuous }: StepInput): RuleStep {
  const messages: RuleStep["messages"] = new Map();
  const tell = (kind: Exclude<AlertMessageKind, "test">, queue: AlertedQueue) =>
    messages.set(kind, [...(messages.get(kind) ?? []), queue]);
  const state: RuleState = {};
  let isChanged = false;

  for (const [queue, measured] of measures) {
    const held = before[queue];
    if (measured === null) {
      if (held) state[queue] = held;
      continue;
    }
    if (!measured.holds) {
      const kept = keptFiring(held, rule.keepFiringForMs, now, isContinuous);
      if (kept === null) continue;
      state[queue] = kept;
      isChanged ||= !isSame(held, kept);
      continue;
    }
    const { overSince: _, ...after } = held ?? newAlert(now);
    if (after.firedAt === null && !isContinuous) after.since = now;
    if (after.firedAt === null && now - after.since >= rule.forMs) after.firedAt = now;
    if (after.firedAt !== null && !isMuted) {
      const kind = messageDue(after, rule.repeatMs, now);
      if (kind !== null) {
        tell(kind, { queue, since: after.since, value: measured.value });
        after.toldAt = now;
      }
    }
    state[queue] = after;
    isChanged ||= !isSame(held, after);
  }

  for (const [queue, held] of Object.entries(before)) {
    if (state[queue]) continue;
    isChanged = true;
    // If the receiver was told that the alert fires, it is also told the end, even while the rule is muted. Otherwise
    // the receiver would keep an incident open.
    if (held.toldAt !== null && rule.resolved)
      tell("resolved", { queue, since: held.since, value: measures.get(queue)?.value ?? null });
  }
  return { state, isChanged, messages };
}

const newAlert = (now: number): HeldAlert => ({ since: now, firedAt: null, toldAt: null });

/** Returns the alert if it goes on firing although its condition is over; null if it ends. */
function keptFiring(
  held: HeldAlert | undefined,
  keepFiringForMs: number,
  now: number,
  isContinuous: boolean,
): HeldAlert | null {
  if (held === undefined || held.firedAt === null) return null;
  const overSince = (isContinuous ? held.overSince : undefined) ?? now;
  return now - overSince < keepFiringForMs ? { ...held, overSince } : null;
}

function messageDue({ toldAt }: HeldAlert, repeatMs: number, now: number): "firing" | "repeat" | null {
  if (toldAt === null) return "firing";
  return repeatMs > 0 && now - toldAt >= repeatMs ? "repeat" : null;
}

const isSame = (a: HeldAlert | undefined, b: HeldAlert) =>
  a !== undefined &&
  a.since === b.since &&
  a.firedAt === b.firedAt &&
  a.toldAt === b.toldAt &&
  a.overSince === b.overSince;
