// Made from lua/operation_write.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationWriteArgs {
  /** 0 for Redis time */
  clockMs: number;
  operationId: string;
  owner: string;
  leaseMs: number;
  /** run | pause | end | release */
  phase: string;
  /** repeated: name, value */
  tail: readonly (string | number)[];
}

/** operation_write: keep how far an operation has got, if the caller still holds it. Returns {1, what an operator asked for: "" | pause | resume | cancel; now}, or {0} where another one holds it. */
export const operationWriteScript: Script<OperationWriteArgs, SystemKeys> = {
  name: "operationWrite",
  sha1: "dc5177c757abc4deeb5f47d702465f7f86008c07",
  keyCount: 2,
  argv: (k, a) => [k.operations, k.operationsRunning, a.clockMs, a.operationId, a.owner, a.leaseMs, a.phase, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal operationsKey = KEYS[1]\nlocal operationsRunningKey = KEYS[2]\nlocal clockMs = tonumber(ARGV[1])\nlocal operationId = ARGV[2]\nlocal owner = ARGV[3]\nlocal leaseMs = tonumber(ARGV[4])\nlocal phase = ARGV[5]\nlocal fieldAt = 6\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%.0f', now)\nif redis.call('HGET', operationsKey, operationId .. ':owner') ~= owner then\nreturn { 0, '', now }\nend\nlocal control = redis.call('HGET', operationsKey, operationId .. ':control') or ''\nif phase == 'pause' and control ~= 'pause' then\nphase = 'run'\nend\nlocal values = {}\nfor at = fieldAt, #ARGV, 2 do\nvalues[#values + 1], values[#values + 2] = operationId .. ':' .. ARGV[at], ARGV[at + 1]\nend\nif phase == 'end' then\nvalues[#values + 1], values[#values + 2] = operationId .. ':ended', nowText\nend\nif #values > 0 then\nredis.call('HSET', operationsKey, unpack(values))\nend\nif phase == 'run' then\nredis.call('ZADD', operationsRunningKey, string.format('%.0f', now + leaseMs), operationId)\nelse\nredis.call('HDEL', operationsKey, operationId .. ':owner')\nif phase == 'release' then\nredis.call('ZADD', operationsRunningKey, 0, operationId)\nelse\nredis.call('ZREM', operationsRunningKey, operationId)\nend\nif phase == 'end' then\nredis.call('HDEL', operationsKey, operationId .. ':spec', operationId .. ':batch', operationId .. ':control')\nend\nend\nreturn { 1, control, now }\n",
};
