import { HoldfastError } from "@holdfast/contracts";
import type { Logger } from "./logger.ts";

/**
 * Logs the errors of a loop. An error with a new code is logged at once. After that, there is at most one line per
 * interval, with the number of errors since the last line. Otherwise each poll would write a line while Redis is down.
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
    // A stack trace is logged only for errors of unknown cause.
    logger.warn(code === "internal" ? { ...fields, err: error } : fields, message);
    seen.set(code, { loggedAt: now, suppressed: 0 });
  };
}
