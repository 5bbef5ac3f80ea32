import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/contracts";
import { isLoopback } from "../config/http.ts";
import { StartupError } from "../lifecycle.ts";
import type { AccessOptions } from "./access.ts";

/**
 * Reads the keys from a Redis that has passed the boot checks, and starts to watch them.
 * @throws StartupError if the network could reach a service without keys, or if the Redis user may not read the keys
 */
export async function openKeys(
  { ring, host, allowUnauthenticated, isBehindProxy }: AccessOptions,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await ring.load();
      break;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (error.code !== "redis_unavailable" && error.code !== "outcome_unknown") {
        throw new StartupError(
          `cannot read the API keys in Redis: ${error.message}. If Redis has ACL users, create them again from infra/redis/acl`,
          { cause: error },
        );
      }
      await delay(500, undefined, { signal });
    }
  }
  ring.start();
  if (isLoopback(host) || allowUnauthenticated || isBehindProxy || ring.size > 0) return;
  throw new StartupError(
    `HOST=${host} listens beyond loopback and there are no keys: make one with "holdfast key create --label admin --scope admin" (it is kept in Redis), or set API_KEYS_FILE to a file made with --file, or set HOST=127.0.0.1; ALLOW_UNAUTHENTICATED=1 lets everybody who reaches the port use it`,
  );
}
