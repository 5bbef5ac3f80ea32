// Made from lua/operation_claim.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationClaimArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** a name that nobody else has */
  owner: string;
  leaseMs: number;
}

/** operation_claim: take an operation that nobody runs, or whose process has not been heard of. Returns {operationId, start, spec, view, batch, control, failures}, or nothing. */
export const operationClaimScript: Script<OperationClaimArgs, SystemKeys> = {
  name: "operationClaim",
  sha1: "140c80e2e03587e246d809655ef2d3073de81e5e",
  keyCount: 3,
  argv: (k, a) => [k.operations, k.operationsIndex, k.operationsRunning, a.clockMs, a.owner, a.leaseMs],
  source: "#!lua flags=allow-oom\nlocal operationsKey = KEYS[1]\nlocal operationsIndexKey = KEYS[2]\nlocal operationsRunningKey = KEYS[3]\nlocal clockMs = tonumber(ARGV[1])\nlocal owner = ARGV[2]\nlocal leaseMs = tonumber(ARGV[3])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%.0f', now)\nlocal operationId = redis.call('ZRANGEBYSCORE', operationsRunningKey, '-inf', nowText, 'LIMIT', 0, 1)[1]\nif not operationId then\nreturn {}\nend\nlocal values = redis.call('HMGET', operationsKey, operationId .. ':spec', operationId .. ':view', operationId .. ':batch',\noperationId .. ':control', operationId .. ':failures')\nlocal start = redis.call('ZSCORE', operationsIndexKey, operationId)\nif not values[1] or not start then\nredis.call('ZREM', operationsRunningKey, operationId)\nreturn {}\nend\nredis.call('ZADD', operationsRunningKey, string.format('%.0f', now + leaseMs), operationId)\nredis.call('HSET', operationsKey, operationId .. ':owner', owner)\nreturn { operationId, start, values[1], values[2], values[3] or '', values[4] or '', values[5] or '0' }\n",
};
