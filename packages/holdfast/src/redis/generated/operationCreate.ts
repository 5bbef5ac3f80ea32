// Made from lua/operation_create.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationCreateArgs {
  /** 0 for Redis time */
  clockMs: number;
  operationId: string;
  /** what to do; never read here */
  spec: string;
  /** how it goes; never read here */
  view: string;
  /** the discard that it undoes, each once; or "" */
  undoes: string;
  maxRunning: number;
  maxKept: number;
}

/** operation_create: keep an operation, and forget the oldest ones that have ended. Returns {1 created, 0 too many run, -1 undone already; now}. */
export const operationCreateScript: Script<OperationCreateArgs, SystemKeys> = {
  name: "operationCreate",
  sha1: "73819179fd79193c47848fb3a833aff3a37cad53",
  keyCount: 3,
  argv: (k, a) => [k.operations, k.operationsIndex, k.operationsRunning, a.clockMs, a.operationId, a.spec, a.view, a.undoes, a.maxRunning, a.maxKept],
  source: "#!lua flags=allow-oom\nlocal operationsKey = KEYS[1]\nlocal operationsIndexKey = KEYS[2]\nlocal operationsRunningKey = KEYS[3]\nlocal clockMs = tonumber(ARGV[1])\nlocal operationId = ARGV[2]\nlocal spec = ARGV[3]\nlocal view = ARGV[4]\nlocal undoes = ARGV[5]\nlocal maxRunning = tonumber(ARGV[6])\nlocal maxKept = tonumber(ARGV[7])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%.0f', now)\nlocal function field(name)\nreturn operationId .. ':' .. name\nend\nif redis.call('HEXISTS', operationsKey, field('view')) == 1 then\nreturn { 1, tonumber(redis.call('ZSCORE', operationsIndexKey, operationId)) }\nend\nif redis.call('ZCARD', operationsRunningKey) >= maxRunning then\nreturn { 0, now }\nend\nif undoes ~= '' and redis.call('HEXISTS', operationsKey, undoes .. ':undoneAt') == 1 then\nreturn { -1, now }\nend\nredis.call('ZADD', operationsIndexKey, nowText, operationId)\nredis.call('ZADD', operationsRunningKey, 0, operationId)\nlocal fields = { field('spec'), spec, field('view'), view }\nif undoes ~= '' then\nfields[#fields + 1], fields[#fields + 2] = undoes .. ':undoneAt', nowText\nend\nredis.call('HSET', operationsKey, unpack(fields))\nlocal excess = redis.call('ZCARD', operationsIndexKey) - maxKept\nif excess > 0 then\nfor _, old in ipairs(redis.call('ZRANGE', operationsIndexKey, 0, math.min(excess, 10) - 1)) do\nlocal known = redis.call('HMGET', operationsKey, old .. ':ended', old .. ':view')\nif known[1] or not known[2] then\nlocal names = { old .. ':spec', old .. ':view', old .. ':batch', old .. ':control', old .. ':owner', old .. ':ended', old .. ':undoneAt' }\nlocal failures = tonumber(redis.call('HGET', operationsKey, old .. ':failures') or 0)\nnames[#names + 1] = old .. ':failures'\nfor i = 0, failures - 1 do\nnames[#names + 1] = old .. ':failure:' .. i\nend\nredis.call('HDEL', operationsKey, unpack(names))\nredis.call('ZREM', operationsIndexKey, old)\nend\nend\nend\nreturn { 1, now }\n",
};
