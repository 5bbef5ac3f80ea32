import type { IncomingMessage } from "node:http";
import { HoldfastError } from "@holdfast/contracts";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { isLoopback } from "../config/http.ts";
import type { KeyRing } from "./key-ring.ts";

/** The parts of a request that identify its sender. */
export interface RequestHead {
  headers: IncomingMessage["headers"];
  socket?: { remoteAddress?: string | undefined };
}

/** Identifies the sender of a request. @throws HoldfastError unauthorized, redis_unavailable */
export type Identify = (request: RequestHead) => Identity;

/**
 * A sender on loopback before the service knows whether there are API keys. Such a sender may learn that Redis cannot
 * be reached, but sees no data.
 */
export const NOT_YET_KNOWN: Identity = Object.freeze<Identity>({
  ...ANONYMOUS,
  role: "viewer",
  scopes: ["read"],
  queues: [],
});

export interface AccessOptions {
  ring: KeyRing;
  /** The address that the service listens on. */
  host: string;
  /** The value of ALLOW_UNAUTHENTICATED. */
  allowUnauthenticated: boolean;
  /**
   * Whether a proxy authenticates people. If so, even a request from loopback needs the header of the proxy or a key,
   * and the service starts without keys.
   */
  isBehindProxy?: boolean | undefined;
}

/** Identifies senders by the key in their header. On loopback, everybody has access as long as there are no keys. */
export function identifyByKey(options: AccessOptions): Identify {
  const { ring, host, allowUnauthenticated, isBehindProxy } = options;
  const isLocal = isLoopback(host) && !isBehindProxy;
  return ({ headers: { authorization } }) => {
    if (authorization !== undefined && (ring.isInUse || !ring.isKnown)) {
      // Without keys, a client on loopback is anonymous even if it sends a key, which may be the key of another
      // service.
      if (ring.isInUse || !isLocal) return ring.identify(authorization);
    }
    if (allowUnauthenticated) return ANONYMOUS;
    if (ring.isInUse || !isLocal) {
      throw new HoldfastError("unauthorized", "this needs a key: send it as Authorization: Bearer <key>");
    }
    return ring.isKnown ? ANONYMOUS : NOT_YET_KNOWN;
  };
}

/** Whether the identity may see and use this queue. */
export function mayUseQueue(identity: Identity, queue: string): boolean {
  if (identity.queues === null || identity.queues.includes(queue)) return true;
  // `orders/0` is a partition of `orders`. No other queue name has a slash.
  const slash = queue.indexOf("/");
  return slash > 0 && identity.queues.includes(queue.slice(0, slash));
}
