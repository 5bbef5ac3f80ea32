import { isQueueName } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { type Limit, readSharedLimits, type SharedLimitView } from "../../api/limits.ts";
import type { LimitDraft, LimitErrors } from "./limit-draft.ts";
import { type Change, limitChanges } from "./limit-text.ts";

const MOST_QUEUES = 100;

/** Returns the names of queues in a text, without duplicates. */
export const queuesOf = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

/** Returns the error in the list of queues that share a limit, or null if the list is valid. */
export function queuesError(queues: readonly string[]): string | null {
  const wrong = queues.find((queue) => !isQueueName(queue));
  if (wrong !== undefined) return t`“${wrong}” is not a valid name of a queue.`;
  return queues.length >= 1 && queues.length <= MOST_QUEUES ? null : t`1 to ${MOST_QUEUES} queues.`;
}

/** Returns the errors of a shared limit. It has to limit how many tasks run, how many start in a period, or both. */
export const sharedLimitErrors = (draft: LimitDraft, errors: LimitErrors): LimitErrors => ({
  ...errors,
  concurrency:
    errors.concurrency ??
    (draft.concurrency.trim() === "" && draft.rate.trim() === "" ? t`Give this, a rate or both.` : null),
});

/** Lists the changes of a shared limit in words. @param before null for a new limit */
export function sharedChanges(
  before: SharedLimitView | null,
  after: { limit: Limit; queues: readonly string[] },
): Change[] {
  const [old, next] = [before?.queues ?? [], after.queues].map((queues) => [...queues].sort().join(", "));
  return [
    ...limitChanges(t`Together`, before?.limit, after.limit),
    ...(old === next ? [] : [{ what: t`Queues`, before: old || t`none`, after: next ?? "" }]),
  ];
}

/** Whether the stored limit is still the one that the form has shown. Null means that there is no such limit. */
export async function isUnchanged(name: string, before: SharedLimitView | null): Promise<boolean> {
  const now = (await readSharedLimits()).find((limit) => limit.name === name) ?? null;
  if (now === null || before === null) return now === before;
  return sharedChanges(before, now).length === 0;
}
