// Made from lua/schedule_put.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface SchedulePutArgs {
  scheduleId: string;
  /** the definition that the caller has seen, "" for none */
  expected: string;
  /** the new one */
  definition: string;
  /** of the new one */
  revision: number;
  /** ms since the epoch, 0 for none, -1 for as it is */
  nextAt: number;
}

/** schedule_put: write a schedule, unless somebody else has meanwhile. Its runs stay, and what it owes is still enqueued. Returns "written" | "changed". */
export const schedulePutScript: Script<SchedulePutArgs, SystemKeys> = {
  name: "schedulePut",
  sha1: "84b027a15e98e68a4e5098d4c65a325abbe802f0",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.expected, a.definition, a.revision, a.nextAt],
  source: "#!lua\nlocal schedulesKey = KEYS[1]\nlocal schedulesDueKey = KEYS[2]\nlocal scheduleId = ARGV[1]\nlocal expected = ARGV[2]\nlocal definition = ARGV[3]\nlocal revision = tonumber(ARGV[4])\nlocal nextAt = tonumber(ARGV[5])\nlocal RUN_LINES = 10\nlocal function parseRuns(record)\nlocal nextAt, revision, owed = string.match(record or '', '^(%d+) (%d+) (%S+)')\nreturn tonumber(nextAt or 0), tonumber(revision or 0), owed or '-'\nend\nlocal function runLines(record)\nlocal newline = record and string.find(record, '\\n', 1, true)\nreturn newline and string.sub(record, newline) or ''\nend\nlocal function indexSchedule(id, nextAt, owed)\nif owed ~= '-' then\nredis.call('ZADD', schedulesDueKey, string.match(owed, '^%d+'), id)\nelseif nextAt > 0 then\nredis.call('ZADD', schedulesDueKey, string.format('%.0f', nextAt), id)\nelse\nredis.call('ZREM', schedulesDueKey, id)\nend\nend\nlocal fields = redis.call('HMGET', schedulesKey, 'd' .. scheduleId, 'r' .. scheduleId)\nlocal current = fields[1] or ''\nif current == definition then\nreturn 'written'\nend\nif current ~= expected then\nreturn 'changed'\nend\nlocal before, _, owed = parseRuns(fields[2])\nlocal after = nextAt == -1 and before or nextAt\nredis.call('ZADD', schedulesDueKey, '0', scheduleId)\nredis.call('HSET', schedulesKey, 'd' .. scheduleId, definition, 'r' .. scheduleId,\nstring.format('%.0f %.0f %s', after, revision, owed) .. runLines(fields[2]))\nindexSchedule(scheduleId, after, owed)\nreturn 'written'\n",
};
