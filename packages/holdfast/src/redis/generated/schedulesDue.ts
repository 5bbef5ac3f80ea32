// Made from lua/operators/schedules_due.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface SchedulesDueArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** at most 200 */
  limit: number;
  /** "" for a caller that is not a janitor */
  janitorId: string;
  /** how long the janitor counts as running from now on */
  aliveMs: number;
}

/** schedules_due: the schedules whose time has come, oldest first, and how long it takes until the next one is due. Returns {now, ms until the next or -1, scheduleId, definition, run record, …}. */
export const schedulesDueScript: Script<SchedulesDueArgs, SystemKeys> = {
  name: "schedulesDue",
  sha1: "66454c6b269dd90176b4c7cc319041e61d825193",
  keyCount: 3,
  argv: (k, a) => [k.schedules, k.schedulesDue, k.janitors, a.clockMs, a.limit, a.janitorId, a.aliveMs],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal limit = tonumber(ARGV[2])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nif ARGV[3] ~= '' then\nlocal aliveMs = tonumber(ARGV[4])\nredis.call('ZADD', KEYS[3], string.format('%.0f', now + aliveMs), ARGV[3])\nredis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', nowText)\nend\nlocal reply = { now, -1 }\nlocal ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', nowText, 'LIMIT', 0, limit)\nfor _, id in ipairs(ids) do\nlocal fields = redis.call('HMGET', KEYS[1], 'd' .. id, 'r' .. id)\nlocal nextAt, _, owed\ndo\nlocal record = fields[2]\nlocal nextAt_2, revision, owed_2, count = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')\nnextAt, _, owed = tonumber(nextAt_2 or 0), tonumber(revision or 0), owed_2 or '-', tonumber(count or 0) or 0\nend\nif not fields[1] then\nredis.call('ZREM', KEYS[2], id)\nelseif owed ~= '-' or nextAt > 0 and nextAt <= now then\nreply[#reply + 1] = id\nreply[#reply + 1] = fields[1]\nreply[#reply + 1] = fields[2]\nelse\ndo\nif owed ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(owed, '^%d+'), id)\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), id)\nelse\nredis.call('ZREM', KEYS[2], id)\nend\nend\nend\nend\nlocal following = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. nowText, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)\nif following[2] then\nreply[2] = math.max(0, tonumber(following[2]) - now)\nend\nreturn reply\n",
};
