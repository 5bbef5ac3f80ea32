// Made from lua/operators/operation_create.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationCreateArgs {
  /** 0 for Redis time */
  clockMs: number;
  operationId: string;
  /** what to do; this script does not read it */
  spec: string;
  /** how far the operation is; this script does not read it */
  view: string;
  /** the discard that this operation undoes, or ""; a discard can be undone once */
  undoes: string;
  /** "large" or "small", a space, and the caller to whose share the operation counts; or "" */
  share: string;
  /** at most this many operations of that share may be open */
  maxOfShare: number;
  /** at most this many operations may run, small ones not counted */
  maxRunning: number;
  /** how many operations are kept */
  maxKept: number;
}

/** operation_create: store an operation, unless too many are open, and forget the oldest ones that have ended. Returns {1 created, 0 too many run, -1 the discard was undone before, -2 the share is used up; now}. */
export const operationCreateScript: Script<OperationCreateArgs, SystemKeys> = {
  name: "operationCreate",
  sha1: "f73fffcabd014a53529fdc91db893614ed40cc23",
  keyCount: 3,
  argv: (k, a) => [k.operations, k.operationsIndex, k.operationsRunning, a.clockMs, a.operationId, a.spec, a.view, a.undoes, a.share, a.maxOfShare, a.maxRunning, a.maxKept],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal maxOfShare = tonumber(ARGV[7])\nlocal maxRunning = tonumber(ARGV[8])\nlocal maxKept = tonumber(ARGV[9])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nif redis.call('HEXISTS', KEYS[1], ARGV[2] .. ':' .. 'view') == 1 then\nreturn { 1, tonumber(redis.call('ZSCORE', KEYS[2], ARGV[2])) }\nend\nlocal open = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')\nlocal running, ofShare = 0, 0\nfor first = 1, #open, 2000 do\nlocal names = {}\nfor at = first, math.min(#open, first + 1998), 2 do\nnames[#names + 1] = open[at] .. ':share'\nend\nfor i, found in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do\nif found == ARGV[6] then\nofShare = ofShare + 1\nend\nif open[first + 2 * i - 1] ~= 'inf' and not (string.sub(found or '', 1, 6) == 'small ') then\nrunning = running + 1\nend\nend\nend\nif ARGV[6] ~= '' and ofShare >= maxOfShare then\nreturn { -2, now }\nend\nif not (string.sub(ARGV[6], 1, 6) == 'small ') and running >= maxRunning then\nreturn { 0, now }\nend\nif ARGV[5] ~= '' and redis.call('HEXISTS', KEYS[1], ARGV[5] .. ':undoneAt') == 1 then\nreturn { -1, now }\nend\nredis.call('ZADD', KEYS[2], nowText, ARGV[2])\nredis.call('ZADD', KEYS[3], 0, ARGV[2])\nlocal fields = { ARGV[2] .. ':' .. 'spec', ARGV[3], ARGV[2] .. ':' .. 'share', ARGV[6], ARGV[2] .. ':' .. 'view', ARGV[4] }\nif ARGV[5] ~= '' then\nfields[#fields + 1], fields[#fields + 2] = ARGV[5] .. ':undoneAt', nowText\nend\nredis.call('HSET', KEYS[1], unpack(fields))\nlocal excess = redis.call('ZCARD', KEYS[2]) - maxKept\nif excess > 0 then\nfor _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, math.min(excess, 10) - 1)) do\nlocal known = redis.call('HMGET', KEYS[1], old .. ':ended', old .. ':view')\nif known[1] or not known[2] then\nlocal names = { old .. ':spec', old .. ':view', old .. ':batch', old .. ':control', old .. ':owner', old .. ':share', old .. ':ended', old .. ':undoneAt' }\nlocal failures = tonumber(redis.call('HGET', KEYS[1], old .. ':failures') or 0)\nnames[#names + 1] = old .. ':failures'\nfor i = 0, failures - 1 do\nnames[#names + 1] = old .. ':failure:' .. i\nend\nredis.call('HDEL', KEYS[1], unpack(names))\nredis.call('ZREM', KEYS[2], old)\nend\nend\nend\nreturn { 1, now }\n",
};
