import { type Holdfast, HoldfastError } from "holdfast";
import type { Readiness, ReadinessCheck } from "./http/health.ts";
import type { ServiceMetrics } from "./metrics.ts";

export interface RedisReadinessOptions {
  client: Pick<Holdfast, "ping">;
  metrics: ServiceMetrics;
  /** How long an answer is reused, ms, so that frequent probes add no load. @default 500 */
  cacheMs?: number;
  /** How long a PING may take, ms. @default 1_000 */
  timeoutMs?: number;
}

export interface RedisReadiness {
  check: ReadinessCheck;
  /** Called when Redis has passed its checks. Before this call, the readiness check fails. */
  open(): void;
  /** Throws until `open` was called. @throws HoldfastError redis_unavailable */
  assertOpen(): void;
}

/** Makes a readiness check: `open` was called and Redis answers a PING. It also sets the metric `redis_up`. */
export function createRedisReadiness(options: RedisReadinessOptions): RedisReadiness {
  const { client, metrics, cacheMs = 500, timeoutMs = 1_000 } = options;
  let isOpen = false;
  let last: { at: number; readiness: Readiness } | undefined;

  const probe = async (): Promise<Readiness> => {
    try {
      const pingMs = await withTimeout(client.ping(), timeoutMs);
      metrics.setRedisUp(true);
      return { ok: true, detail: `Redis answered in ${pingMs.toFixed(1)} ms` };
    } catch (error) {
      metrics.setRedisUp(false);
      return { ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
  };
  return {
    assertOpen() {
      if (isOpen) return;
      throw new HoldfastError("redis_unavailable", "the service has not finished checking Redis: try again", {
        retryAfterMs: 2_000,
      });
    },
    open() {
      isOpen = true;
      metrics.setRedisUp(true);
      last = undefined;
    },
    async check() {
      if (!isOpen)
        return {
          ok: false,
          detail: "Redis does not answer yet, or has not been checked yet: see the log of the service",
        };
      const now = performance.now();
      if (last === undefined || now - last.at > cacheMs) last = { at: now, readiness: await probe() };
      return last.readiness;
    },
  };
}

/** While the client reconnects, it may answer late. A probe needs an answer soon. */
async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
