// Made from lua/operators/operation_write.lua by scripts/generate-bindings.mjs. Do not edit.
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

/** operation_write: store how far an operation is, if the caller still holds it. Returns {1, what an operator asked for ("" | pause | resume | cancel), now}; {0} if another process holds it. */
export const operationWriteScript: Script<OperationWriteArgs, SystemKeys> = {
  name: "operationWrite",
  sha1: "9c0be5f65bb0746906896d63622a745389143e98",
  keyCount: 2,
  argv: (k, a) => [k.operations, k.operationsRunning, a.clockMs, a.operationId, a.owner, a.leaseMs, a.phase, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nif redis.call('HGET', KEYS[1], ARGV[2] .. ':owner') ~= ARGV[3] then\nreturn { 0, '', now }\nend\nlocal control = redis.call('HGET', KEYS[1], ARGV[2] .. ':control') or ''\nif ARGV[5] == 'pause' and control ~= 'pause' then\nARGV[5] = 'run'\nend\nlocal values = {}\nfor at = 6, #ARGV, 2 do\nvalues[#values + 1], values[#values + 2] = ARGV[2] .. ':' .. ARGV[at], ARGV[at + 1]\nend\nif ARGV[5] == 'end' then\nvalues[#values + 1], values[#values + 2] = ARGV[2] .. ':ended', nowText\nend\nif #values > 0 then\nredis.call('HSET', KEYS[1], unpack(values))\nend\nif ARGV[5] == 'run' then\nlocal leaseMs = tonumber(ARGV[4])\nredis.call('ZADD', KEYS[2], string.format('%.0f', now + leaseMs), ARGV[2])\nelse\nredis.call('HDEL', KEYS[1], ARGV[2] .. ':owner')\nif ARGV[5] == 'release' then\nredis.call('ZADD', KEYS[2], 0, ARGV[2])\nelseif ARGV[5] == 'pause' then\nredis.call('ZADD', KEYS[2], 'inf', ARGV[2])\nelse\nredis.call('ZREM', KEYS[2], ARGV[2])\nend\nif ARGV[5] == 'end' then\nredis.call('HDEL', KEYS[1], ARGV[2] .. ':spec', ARGV[2] .. ':batch', ARGV[2] .. ':control', ARGV[2] .. ':share')\nend\nend\nreturn { 1, control, now }\n",
};
