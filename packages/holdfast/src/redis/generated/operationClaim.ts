// Made from lua/operators/operation_claim.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationClaimArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** a name that nobody else has */
  owner: string;
  leaseMs: number;
  /** the only operation to take; "" for any */
  only: string;
  /** repeated: operations that were created with this `share` are not taken now */
  tail: readonly (string | number)[];
}

/** operation_claim: take an operation that no process runs, or whose process let its lease expire. Returns {operationId, start, spec, view, batch, control, failures, share}, or nothing. */
export const operationClaimScript: Script<OperationClaimArgs, SystemKeys> = {
  name: "operationClaim",
  sha1: "d8de196ef6f8c288b934febc6b6e6474e4474da9",
  keyCount: 3,
  argv: (k, a) => [k.operations, k.operationsIndex, k.operationsRunning, a.clockMs, a.owner, a.leaseMs, a.only, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal leaseMs = tonumber(ARGV[3])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal operationId\nif ARGV[4] == '' then\nlocal passedOver = {}\nfor at = 5, #ARGV do\npassedOver[ARGV[at]] = true\nend\nlocal from, found = 0, nil\nrepeat\nfound = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', nowText, 'LIMIT', from, 50)\nfor _, id in ipairs(found) do\nif not operationId and not passedOver[redis.call('HGET', KEYS[1], id .. ':share') or ''] then\noperationId = id\nend\nend\nfrom = from + 50\nuntil operationId or #found < 50\nelseif tonumber(redis.call('ZSCORE', KEYS[3], ARGV[4]) or now + 1) <= now then\noperationId = ARGV[4]\nend\nif not operationId then\nreturn {}\nend\nlocal values = redis.call('HMGET', KEYS[1], operationId .. ':spec', operationId .. ':view', operationId .. ':batch', operationId .. ':control', operationId .. ':failures', operationId .. ':ended', operationId .. ':share')\nlocal start = redis.call('ZSCORE', KEYS[2], operationId)\nif not values[1] or not start or values[6] then\nredis.call('ZREM', KEYS[3], operationId)\nreturn {}\nend\nredis.call('ZADD', KEYS[3], string.format('%.0f', now + leaseMs), operationId)\nredis.call('HSET', KEYS[1], operationId .. ':owner', ARGV[2])\nreturn { operationId, start, values[1], values[2], values[3] or '', values[4] or '', values[5] or '0', values[7] or '' }\n",
};
