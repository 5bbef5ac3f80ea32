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
  sha1: "8ee506e3dd698c7bb9021f46efa081c397352ffb",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.expected, a.definition, a.revision, a.nextAt],
  source: "#!lua\nlocal revision = tonumber(ARGV[4])\nlocal nextAt = tonumber(ARGV[5])\nlocal function parseRuns(record)\nlocal nextAt, revision, owed = string.match(record or '', '^(%d+) (%d+) (%S+)')\nreturn tonumber(nextAt or 0), tonumber(revision or 0), owed or '-'\nend\nlocal function runLines(record)\nlocal newline = record and string.find(record, '\\n', 1, true)\nreturn newline and string.sub(record, newline) or ''\nend\nlocal function indexSchedule(id, nextAt, owed)\nif owed ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(owed, '^%d+'), id)\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), id)\nelse\nredis.call('ZREM', KEYS[2], id)\nend\nend\nlocal fields = redis.call('HMGET', KEYS[1], 'd' .. ARGV[1], 'r' .. ARGV[1])\nlocal current = fields[1] or ''\nif current == ARGV[3] then\nreturn 'written'\nend\nif current ~= ARGV[2] then\nreturn 'changed'\nend\nlocal before, _, owed = parseRuns(fields[2])\nlocal after = nextAt == -1 and before or nextAt\nredis.call('ZADD', KEYS[2], '0', ARGV[1])\nredis.call('HSET', KEYS[1], 'd' .. ARGV[1], ARGV[3], 'r' .. ARGV[1],\nstring.format('%.0f %.0f %s', after, revision, owed) .. runLines(fields[2]))\nindexSchedule(ARGV[1], after, owed)\nreturn 'written'\n",
};
