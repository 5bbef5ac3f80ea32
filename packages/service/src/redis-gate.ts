import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, HoldfastError } from "@holdfast/contracts";
import { describeRedis, type Holdfast, type RedisOption } from "holdfast";
import { StartupError } from "./lifecycle.ts";
import type { Logger } from "./logger.ts";

// This is shorter than the time limit of a command, so that the log soon says that Redis is down.
const CHECK_TIMEOUT_MS = 1_000;

const ENDS_THE_START: ReadonlySet<ErrorCode> = new Set([
  "redis_unsupported",
  "redis_refused",
  "layout_too_new",
]);

export interface RedisGateOptions {
  client: Pick<Holdfast, "check">;
  settings: RedisOption;
  logger: Logger;
  signal: AbortSignal;
  /**
   * The first wait between two attempts to reach Redis, ms. It doubles after each attempt, up to `maxWaitMs`.
   * @default 500
   */
  waitMs?: number;
  /** The longest wait between two attempts, ms. @default 5_000 */
  maxWaitMs?: number;
}

/**
 * Waits until Redis answers and has passed the boot checks (version, settings, rights). While Redis cannot be
 * reached, logs that and tries again without end. Throws StartupError if Redis has the wrong version or eviction
 * policy, or refuses the login (password, rights, database), because waiting cannot help then.
 */
export async function waitForRedis(options: RedisGateOptions): Promise<void> {
  const { client, settings, logger, signal } = options;
  const address = describeRedis(settings);
  let waitMs = options.waitMs ?? 500;
  for (;;) {
    signal.throwIfAborted();
    try {
      const { redisVersion, warnings } = await client.check(CHECK_TIMEOUT_MS);
      for (const warning of warnings) logger.warn({ redis: address }, warning);
      logger.info({ redis: address, redisVersion }, "connected to Redis");
      return;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (ENDS_THE_START.has(error.code)) {
        throw new StartupError(error.message, { cause: error });
      }
      logger.warn(
        { reason: error.message, retryInMs: waitMs },
        `cannot reach Redis at ${address}: start it or set REDIS_URL`,
      );
      await delay(waitMs, undefined, { signal });
      waitMs = Math.min(waitMs * 2, options.maxWaitMs ?? 5_000);
    }
  }
}
