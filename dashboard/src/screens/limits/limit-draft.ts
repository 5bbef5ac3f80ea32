import { LIMITS } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import type { Limit } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { exactSpan, UNITS, type Unit } from "./limit-text.ts";

const MOST = 1_000_000;

/** A duration as the user typed it. */
export interface SpanDraft {
  amount: string;
  unit: Unit;
}

/** A limit as the user typed it. An empty field sets no limit. */
export interface LimitDraft {
  concurrency: string;
  rate: string;
  period: SpanDraft;
  burst: string;
  weight: string;
}

export function spanDraft(ms: number): SpanDraft {
  const { amount, unit } = exactSpan(ms);
  return { amount: String(amount), unit };
}

const typed = (value: number | undefined): string => (value === undefined ? "" : String(value));

export const limitDraft = (limit: Limit | null | undefined): LimitDraft => ({
  concurrency: typed(limit?.concurrency),
  rate: typed(limit?.rate?.limit),
  period: limit?.rate === undefined ? { amount: "1", unit: "s" } : spanDraft(limit.rate.periodMs),
  burst: typed(limit?.rate?.burst),
  weight: typed(limit?.weight),
});

const isWhole = (text: string, most: number): boolean =>
  /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;
export const wholeError = (text: string): string | null =>
  text.trim() === "" || isWhole(text, MOST) ? null : t`A whole number, 1 to ${count(MOST)}.`;

const unitMs = (unit: Unit): number => UNITS.find((candidate) => candidate.unit === unit)?.ms ?? 1;

/** @returns the duration in ms, or Number.NaN if it is not valid */
export const spanMsOf = ({ amount, unit }: SpanDraft): number =>
  isWhole(amount, LIMITS.delayMs / unitMs(unit)) ? Number(amount) * unitMs(unit) : Number.NaN;

export const spanError = (span: SpanDraft): string | null =>
  Number.isNaN(spanMsOf(span)) ? t`A whole number, 1 or more; at most 365 days.` : null;

export interface LimitErrors {
  concurrency: string | null;
  rate: string | null;
  period: string | null;
  burst: string | null;
  weight: string | null;
}

export function limitErrors(draft: LimitDraft): LimitErrors {
  const hasRate = draft.rate.trim() !== "";
  const weight = Number(draft.weight);
  return {
    concurrency: wholeError(draft.concurrency),
    rate: wholeError(draft.rate),
    // The period and the burst belong to a rate, so they are checked only if there is one.
    period: hasRate ? spanError(draft.period) : null,
    burst: hasRate ? wholeError(draft.burst) : null,
    weight:
      draft.weight.trim() === "" || (weight >= 0.001 && weight <= 1_000)
        ? null
        : t`A number, 0.001 to 1,000.`,
  };
}

export const hasErrors = (errors: Partial<LimitErrors>): boolean =>
  Object.values(errors).some((error) => error !== null);

/** Returns the limit of a draft without errors; undefined if it sets no limit and the weight is 1. */
export function limitOf(draft: LimitDraft): Limit | undefined {
  const number = (text: string) => (text.trim() === "" ? undefined : Number(text));
  const [concurrency, rate, burst, weight] = [draft.concurrency, draft.rate, draft.burst, draft.weight].map(
    number,
  );
  const limit: Limit = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate === undefined
      ? {}
      : {
          rate: { limit: rate, periodMs: spanMsOf(draft.period), ...(burst === undefined ? {} : { burst }) },
        }),
    ...(weight === undefined || weight === 1 ? {} : { weight }),
  };
  return Object.keys(limit).length === 0 ? undefined : limit;
}
