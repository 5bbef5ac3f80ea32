// Made from lua/operators/schedule_put.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface SchedulePutArgs {
  scheduleId: string;
  /** the definition that the caller has seen, "" for none */
  expected: string;
  /** the new definition */
  definition: string;
  /** of the new definition */
  revision: number;
  /** the next time that the caller has seen */
  expectedAt: number;
  /** ms since the epoch, 0 for none, -1 to leave it as it is */
  nextAt: number;
  /** times that were due by the definition before and are still to be enqueued, oldest first, */
  owed: string;
  /** run lines of the times that were due and are not enqueued, "" for none */
  runs: string;
}

/** schedule_put: write a schedule, unless somebody else wrote it meanwhile. Returns "written" | "changed" (also if a janitor has decided about the times that were due). */
export const schedulePutScript: Script<SchedulePutArgs, SystemKeys> = {
  name: "schedulePut",
  sha1: "512e67fd68f035347abcd2ac817924223d53eabe",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.expected, a.definition, a.revision, a.expectedAt, a.nextAt, a.owed, a.runs],
  source: "#!lua\nlocal revision = tonumber(ARGV[4])\nlocal expectedAt = tonumber(ARGV[5])\nlocal nextAt = tonumber(ARGV[6])\nlocal owed = ARGV[7]\nlocal function parseRuns(record)\nlocal nextAt, revision, owed, count = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')\nreturn tonumber(nextAt or 0), tonumber(revision or 0), owed or '-', tonumber(count or 0) or 0\nend\nlocal function runLines(record)\nlocal newline = record and string.find(record, '\\n', 1, true)\nreturn newline and string.sub(record, newline) or ''\nend\nlocal function appendRuns(lines, added)\nif added ~= '' then\nlines = lines .. '\\n' .. added\nend\nlocal _, count = string.gsub(lines, '\\n', '')\nwhile count > 10 do\nlocal second = string.find(lines, '\\n', 2, true)\nlocal others = string.sub(lines, second)\nif string.find(lines, '^\\n%d+ e ') and not string.find(others, '\\n%d+ e ') then\nothers = string.sub(lines, 1, second - 1) .. string.sub(lines, (string.find(lines, '\\n', second + 1, true)))\nend\nlines = others\ncount = count - 1\nend\nreturn lines\nend\nlocal function countOwed(owed)\nlocal _, count = string.gsub(owed, '%d+', '')\nreturn count\nend\nlocal function runsText(nextAt, revision, owed, count, lines)\nreturn string.format('%.0f %.0f %s %.0f', nextAt, revision, owed, count) .. lines\nend\nlocal function indexSchedule(id, nextAt, owed)\nif owed ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(owed, '^%d+'), id)\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), id)\nelse\nredis.call('ZREM', KEYS[2], id)\nend\nend\nlocal fields = redis.call('HMGET', KEYS[1], 'd' .. ARGV[1], 'r' .. ARGV[1])\nlocal current = fields[1] or ''\nif current == ARGV[3] then\nreturn 'written'\nend\nif current ~= ARGV[2] then\nreturn 'changed'\nend\nlocal before, _, owedBefore, count = parseRuns(fields[2])\ncount = count + countOwed(owed)\nif nextAt == -1 then\nnextAt = before\nelseif before ~= expectedAt then\nreturn 'changed'\nend\nif owedBefore ~= '-' then\nowed = owed == '-' and owedBefore or owedBefore .. ',' .. owed\nend\nlocal lines = appendRuns(runLines(fields[2]), ARGV[8])\nredis.call('ZADD', KEYS[2], '0', ARGV[1])\nredis.call('HSET', KEYS[1], 'd' .. ARGV[1], ARGV[3], 'r' .. ARGV[1], runsText(nextAt, revision, owed, count, lines))\nindexSchedule(ARGV[1], nextAt, owed)\nreturn 'written'\n",
};
