// Made from lua/operation_claim.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationClaimArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** a name that nobody else has */
  owner: string;
  leaseMs: number;
  /** this operation and no other; or "" */
  only: string;
}

/** operation_claim: take an operation that nobody runs, or whose process has not been heard of. Returns {operationId, start, spec, view, batch, control, failures}, or nothing. */
export const operationClaimScript: Script<OperationClaimArgs, SystemKeys> = {
  name: "operationClaim",
  sha1: "9d980d5552075c3aebab0b9526f8da08a316d7ea",
  keyCount: 3,
  argv: (k, a) => [k.operations, k.operationsIndex, k.operationsRunning, a.clockMs, a.owner, a.leaseMs, a.only],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal leaseMs = tonumber(ARGV[3])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal operationId\nif ARGV[4] == '' then\noperationId = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', nowText, 'LIMIT', 0, 1)[1]\nelseif tonumber(redis.call('ZSCORE', KEYS[3], ARGV[4]) or now + 1) <= now then\noperationId = ARGV[4]\nend\nif not operationId then\nreturn {}\nend\nlocal values = redis.call('HMGET', KEYS[1], operationId .. ':spec', operationId .. ':view', operationId .. ':batch',\noperationId .. ':control', operationId .. ':failures', operationId .. ':ended')\nlocal start = redis.call('ZSCORE', KEYS[2], operationId)\nif not values[1] or not start or values[6] then\nredis.call('ZREM', KEYS[3], operationId)\nreturn {}\nend\nredis.call('ZADD', KEYS[3], string.format('%.0f', now + leaseMs), operationId)\nredis.call('HSET', KEYS[1], operationId .. ':owner', ARGV[2])\nreturn { operationId, start, values[1], values[2], values[3] or '', values[4] or '', values[5] or '0' }\n",
};
