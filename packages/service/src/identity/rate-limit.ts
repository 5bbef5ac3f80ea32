import { HoldfastError } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { networkOf } from "../config/addresses.ts";

// This class is not a plugin of Fastify, because the fast lane (fast-lane.ts) bypasses Fastify and has to share the
// buckets.

export interface RateLimit {
  /** Requests per second in the long run. */
  perSecond: number;
  /** Requests that may come at once after a pause. */
  burst: number;
}

export interface RateVerdict {
  isAllowed: boolean;
  limit: number;
  /** How many more requests are allowed right now. */
  remaining: number;
  /** Time until the whole burst is available again, ms. */
  resetMs: number;
  /** Time until the next request is allowed, ms; 0 if this request is allowed. */
  retryAfterMs: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** The most callers whose buckets are kept. This limits the memory. */
const MAX_BUCKETS = 10_000;

/** A token bucket for each caller, in the memory of this process. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Takes one token of this caller. A refused request takes none, so it may try again after the time in the answer. */
  take(who: string, nowMs: number = performance.now()): RateVerdict {
    const bucket = this.#refilled(who, nowMs);
    const isAllowed = bucket.tokens >= 1;
    if (isAllowed) bucket.tokens -= 1;
    return this.#verdict(bucket, isAllowed);
  }

  /** Returns what `take` would answer, without taking a token. */
  look(who: string, nowMs: number = performance.now()): RateVerdict {
    const bucket = this.#refilled(who, nowMs);
    return this.#verdict(bucket, bucket.tokens >= 1);
  }

  /**
   * Takes one token per request, even if the bucket has fewer. While it is below zero, requests are refused.
   */
  owe(who: string, requests: number, nowMs: number = performance.now()): void {
    this.#refilled(who, nowMs).tokens -= requests;
  }

  #verdict({ tokens }: Bucket, isAllowed: boolean): RateVerdict {
    const { perSecond, burst } = this.#limit;
    return {
      isAllowed,
      limit: burst,
      remaining: Math.max(0, Math.floor(tokens)),
      resetMs: ((burst - tokens) / perSecond) * 1_000,
      retryAfterMs: isAllowed ? 0 : ((1 - tokens) / perSecond) * 1_000,
    };
  }

  #refilled(who: string, nowMs: number): Bucket {
    const { perSecond, burst } = this.#limit;
    let bucket = this.#buckets.get(who);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#forget(nowMs);
      bucket = { tokens: burst, at: nowMs };
      this.#buckets.set(who, bucket);
      return bucket;
    }
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.at) * perSecond) / 1_000);
    bucket.at = nowMs;
    return bucket;
  }

  /** Removes full buckets, because a new bucket is full as well. If none is full, removes the oldest tenth. */
  #forget(nowMs: number): void {
    const { perSecond, burst } = this.#limit;
    for (const [who, { tokens, at }] of this.#buckets) {
      if (tokens + ((nowMs - at) * perSecond) / 1_000 >= burst) this.#buckets.delete(who);
    }
    let surplus = this.#buckets.size - MAX_BUCKETS * 0.9;
    for (const who of this.#buckets.keys()) {
      if (surplus-- <= 0) return;
      this.#buckets.delete(who);
    }
  }
}

/**
 * The part of a limiter that the server needs. It is not the class itself, because each build has its own copy of the
 * class.
 */
export type Limiter = Pick<RateLimiter, "take">;

/** Returns the limiter for RATE_LIMIT_PER_SECOND and RATE_LIMIT_BURST, or undefined if there is no limit. */
export function createRateLimiter(config: {
  RATE_LIMIT_PER_SECOND: number;
  RATE_LIMIT_BURST: number;
}): RateLimiter | undefined {
  const { RATE_LIMIT_PER_SECOND: perSecond, RATE_LIMIT_BURST: burst } = config;
  if (perSecond === 0) return undefined;
  return new RateLimiter({ perSecond, burst: Math.max(1, burst === 0 ? Math.ceil(perSecond) : burst) });
}

/** Returns the key of a caller's bucket. All requests with one API key share one bucket, and so do its sessions. */
export function bucketOf(identity: Identity | undefined, address: string): string {
  if (identity?.keyId) return `key:${identity.keyId}`;
  return identity?.kind === "proxy" ? `proxy:${identity.label}` : `address:${networkOf(address)}`;
}

/** Returns the headers of the rate limit for every answer: name, value, name, value and so on. */
export function rateHeaders({ limit, remaining, resetMs }: RateVerdict): string[] {
  return [
    ...["ratelimit-limit", String(limit), "ratelimit-remaining", String(remaining)],
    ...["ratelimit-reset", String(Math.ceil(resetMs / 1_000))],
  ];
}

/** @param what the limit that was exceeded. @default "too many requests" */
export function tooMany(verdict: RateVerdict, what = "too many requests"): HoldfastError {
  return new HoldfastError("rate_limited", `${what}: wait for the time in Retry-After`, {
    retryAfterMs: verdict.retryAfterMs,
  });
}
