import { ALERT_DEFAULTS, isAlertName, isAlertQueues } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import type { AlertCondition, AlertRuleBody, AlertRuleView } from "../../api/alerts.ts";
import { type SpanDraft, spanDraft, spanMsOf, wholeError } from "../limits/limit-draft.ts";

/** A rule as the user typed it. The fields of a condition keep their text while another condition is chosen. */
export interface RuleDraft {
  name: string;
  kind: AlertCondition["kind"];
  dead: string;
  age: SpanDraft;
  percent: string;
  window: SpanDraft;
  minTasks: string;
  queues: string;
  for: SpanDraft;
  keep: SpanDraft;
  repeat: SpanDraft;
  resolved: boolean;
  targets: string[];
}

const NONE: SpanDraft = { amount: "", unit: "min" };
const spanOrNone = (ms: number): SpanDraft => (ms === 0 ? NONE : spanDraft(ms));

export function ruleDraft(rule: AlertRuleView | null): RuleDraft {
  const { when } = rule ?? {};
  return {
    name: rule?.name ?? "",
    kind: when?.kind ?? "dead_letters",
    dead: when?.kind === "dead_letters" ? String(when.above) : "0",
    age: spanDraft(when?.kind === "oldest_pending" ? when.aboveMs : 300_000),
    percent: when?.kind === "failure_ratio" ? String(Math.round(when.above * 10_000) / 100) : "25",
    window: spanDraft(when?.kind === "failure_ratio" ? when.windowMs : ALERT_DEFAULTS.windowMs),
    minTasks: String(when?.kind === "failure_ratio" ? when.minTasks : ALERT_DEFAULTS.minTasks),
    queues: rule?.queues ?? ALERT_DEFAULTS.queues,
    for: spanOrNone(rule?.forMs ?? ALERT_DEFAULTS.forMs),
    keep: spanOrNone(rule?.keepFiringForMs ?? ALERT_DEFAULTS.keepFiringForMs),
    repeat: spanOrNone(rule?.repeatMs ?? ALERT_DEFAULTS.repeatMs),
    resolved: rule?.resolved ?? ALERT_DEFAULTS.resolved,
    targets: rule?.targets ?? [],
  };
}

export const nameError = () => t`1 to 32 characters: a-z, 0-9, _ and -. The first one is a letter or digit.`;
const emptyOr = (span: SpanDraft) => span.amount.trim() === "" || !Number.isNaN(spanMsOf(span));
const within = (span: SpanDraft, least: number, most: number) =>
  spanMsOf(span) >= least && spanMsOf(span) <= most;

/** Returns why each field is refused. Only the fields of the chosen condition are checked. */
export function ruleErrors(draft: RuleDraft) {
  const of = (kind: RuleDraft["kind"], isGood: boolean, error: string) =>
    draft.kind === kind && !isGood ? error : null;
  const percent = Number(draft.percent);
  const isPercent = draft.percent.trim() !== "" && percent >= 0 && percent < 100;
  const isCount = /^\d{1,9}$/.test(draft.dead.trim());
  return {
    name: isAlertName(draft.name) ? null : nameError(),
    dead: of("dead_letters", isCount, t`A whole number, 0 or more.`),
    age: of("oldest_pending", within(draft.age, 1_000, 31_536_000_000), t`From 1 second to 365 days.`),
    percent: of("failure_ratio", isPercent, t`From 0 to less than 100.`),
    window: of("failure_ratio", within(draft.window, 10_000, 900_000), t`From 10 seconds to 15 minutes.`),
    minTasks: draft.kind === "failure_ratio" ? minTasksError(draft.minTasks) : null,
    queues: isAlertQueues(draft.queues) ? null : t`A queue, a pattern such as mail.*, or * for all.`,
    for: emptyOr(draft.for) ? null : t`A whole number, or empty.`,
    keep: emptyOr(draft.keep) ? null : t`A whole number, or empty.`,
    repeat: emptyOr(draft.repeat) ? null : t`A whole number, or empty.`,
  };
}

const minTasksError = (text: string) =>
  text.trim() === "" ? t`A whole number, 1 or more.` : wholeError(text);
const msOrNone = (span: SpanDraft) => (span.amount.trim() === "" ? 0 : spanMsOf(span));

function conditionOf(draft: RuleDraft): AlertCondition {
  switch (draft.kind) {
    case "dead_letters":
      return { kind: draft.kind, above: Number(draft.dead) };
    case "oldest_pending":
      return { kind: draft.kind, aboveMs: spanMsOf(draft.age) };
    case "no_workers":
      return { kind: draft.kind };
    default:
      return {
        kind: draft.kind,
        above: Number(draft.percent) / 100,
        windowMs: spanMsOf(draft.window),
        minTasks: Number(draft.minTasks),
      };
  }
}

export const ruleBody = (draft: RuleDraft): AlertRuleBody => ({
  when: conditionOf(draft),
  queues: draft.queues,
  forMs: msOrNone(draft.for),
  keepFiringForMs: msOrNone(draft.keep),
  repeatMs: msOrNone(draft.repeat),
  resolved: draft.resolved,
  targets: draft.targets,
});
