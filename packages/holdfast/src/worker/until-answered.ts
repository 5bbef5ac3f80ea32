import { asHoldfastError, type HoldfastError } from "@holdfast/contracts";

const RETRY_FROM_MS = 50;
const RETRY_TO_MS = 1_000;

/**
 * Repeats a call until Redis answers. All repeats have the same request id, so Redis does the work only once.
 * @param givesUp called after each failure; returns whether to give up
 * @returns null if the call was given up
 */
export async function untilAnswered<Answer>(
  call: () => Promise<Answer>,
  onError: (error: HoldfastError) => void,
  givesUp: () => boolean,
): Promise<Answer | null> {
  let waitMs = RETRY_FROM_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      onError(asHoldfastError(error));
      if (givesUp()) return null;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(RETRY_TO_MS, waitMs * 2);
    }
  }
}
