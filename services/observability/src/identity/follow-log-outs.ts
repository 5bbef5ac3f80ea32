import { setTimeout as delay } from "node:timers/promises";
import { createErrorLog, type Logger } from "@holdfast/service";
import type { Sessions } from "./sessions.ts";

const LOOK_MS = 500;

/**
 * Reads the log-outs that other processes of this service have recorded, until `signal` aborts. Each log-out is read
 * within a second.
 */
export async function followLogOuts(
  sessions: Pick<Sessions, "learn">,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const logError = createErrorLog(logger, "cannot read the log-outs of other processes", 30_000);
  while (!signal.aborted) {
    try {
      await sessions.learn();
    } catch (error) {
      if (!signal.aborted) logError(error);
    }
    await delay(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
