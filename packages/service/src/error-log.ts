import { HoldfastError } from "@holdfast/contracts";
import type { Logger } from "./logger.ts";

/**
 * Logs the errors of a loop. Each new code is logged at once, then at most one line per interval with the number of
 * errors that were left out. Otherwise each poll would write a line while Redis is down.
 *
 * @param intervalMs @default 5_000
 */
export function createErrorLog(
  logger: Logger,
  message: string,
  intervalMs = 5_000,
): (error: unknown) => void {
  const seen = new Map<string, { loggedAt: number; suppressed: number }>();
  return (error) => {
    const code = error instanceof HoldfastError ? error.code : "internal";
    const entry = seen.get(code);
    const now = performance.now();
    if (entry && now - entry.loggedAt < intervalMs) {
      entry.suppressed++;
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    const fields = { code, reason, ...(entry ? { suppressed: entry.suppressed } : {}) };
    // A stack helps only if the cause is unknown.
    logger.warn(code === "internal" ? { ...fields, err: error } : fields, message);
    seen.set(code, { loggedAt: now, suppressed: 0 });
  };
}
