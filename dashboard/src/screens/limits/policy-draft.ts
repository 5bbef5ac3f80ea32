import { t } from "@lingui/core/macro";
import type { KeyLimits } from "../../api/limits.ts";
import { type LimitDraft, type LimitErrors, limitErrors, limitOf, wholeError } from "./limit-draft.ts";

/** The policies for tasks that share a key, as the user chose and typed them. */
export interface PolicyDraft {
  ordered: boolean;
  onDead: NonNullable<KeyLimits["onDead"]>;
  whenFull: NonNullable<KeyLimits["whenFull"]>;
  maxWaiting: string;
}

export const policyDraft = (limit: KeyLimits | undefined): PolicyDraft => ({
  ordered: limit?.ordered ?? false,
  onDead: limit?.onDead ?? "continue",
  whenFull: limit?.whenFull ?? "wait",
  maxWaiting: limit?.maxWaiting === undefined ? "" : String(limit.maxWaiting),
});

export interface KeyLimitErrors extends LimitErrors {
  maxWaiting: string | null;
}

/**
 * Returns the errors in the limit for each key. If a policy needs a concurrency limit that is missing, the error is
 * at that field.
 */
export function keyLimitErrors(draft: LimitDraft, policy: PolicyDraft): KeyLimitErrors {
  const errors = limitErrors(draft);
  const concurrency = draft.concurrency.trim();
  const lack =
    policy.ordered && Number(concurrency) !== 1
      ? t`Strict order needs 1.`
      : policy.whenFull !== "wait" && concurrency === ""
        ? t`Needed to know when a key is full.`
        : null;
  return { ...errors, concurrency: errors.concurrency ?? lack, maxWaiting: wholeError(policy.maxWaiting) };
}

/** Returns the limit for each key from drafts that have no errors. Returns undefined if all values are defaults. */
export function keyLimitOf(draft: LimitDraft, policy: PolicyDraft): KeyLimits | undefined {
  const { ordered, onDead, whenFull, maxWaiting } = policy;
  const limit: KeyLimits = {
    ...limitOf(draft),
    ...(ordered ? { ordered } : {}),
    ...(ordered && onDead !== "continue" ? { onDead } : {}),
    ...(whenFull === "wait" ? {} : { whenFull }),
    ...(maxWaiting.trim() === "" ? {} : { maxWaiting: Number(maxWaiting) }),
  };
  return Object.keys(limit).length === 0 ? undefined : limit;
}
