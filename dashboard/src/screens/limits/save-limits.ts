import { t } from "@lingui/core/macro";
import { ApiError } from "../../api/errors.ts";
import { putLimits, type QueueLimits, readLimits } from "../../api/limits.ts";
import { queueLimitsChanges } from "./limit-text.ts";

/**
 * Replaces all limits of a queue.
 * @param shown the limits that the form showed; if they have changed since then, nothing is saved
 * @throws ApiError conflict: somebody else has changed the limits
 */
export async function saveLimits(queue: string, shown: QueueLimits, next: QueueLimits): Promise<void> {
  const { limits } = await readLimits(queue);
  if (queueLimitsChanges(shown, limits).length > 0)
    throw new ApiError({
      status: 0,
      code: "conflict",
      detail: t`Someone else has changed the limits in the meantime. Close this form and open it again.`,
    });
  await putLimits(queue, next);
}
