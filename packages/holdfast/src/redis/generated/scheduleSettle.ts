// Made from lua/operators/schedule_settle.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface ScheduleSettleArgs {
  scheduleId: string;
  /** the time that was owed; "" for a run that an operator asked for */
  at: string;
  /** its run line */
  run: string;
}

/** schedule_settle: write how a run went. Its time is then no longer owed (lib/schedule.lua). Returns 1 written, 0 not owed any more. */
export const scheduleSettleScript: Script<ScheduleSettleArgs, SystemKeys> = {
  name: "scheduleSettle",
  sha1: "1a0d12ac40508cd663fd921416438dc47cba6b42",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.at, a.run],
  source: "#!lua flags=allow-oom\nlocal function parseRuns(record)\nlocal nextAt, revision, owed, count = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')\nreturn tonumber(nextAt or 0), tonumber(revision or 0), owed or '-', tonumber(count or 0) or 0\nend\nlocal function runLines(record)\nlocal newline = record and string.find(record, '\\n', 1, true)\nreturn newline and string.sub(record, newline) or ''\nend\nlocal function appendRuns(lines, added)\nif added ~= '' then\nlines = lines .. '\\n' .. added\nend\nlocal _, count = string.gsub(lines, '\\n', '')\nwhile count > 10 do\nlocal second = string.find(lines, '\\n', 2, true)\nlocal others = string.sub(lines, second)\nif string.find(lines, '^\\n%d+ e ') and not string.find(others, '\\n%d+ e ') then\nothers = string.sub(lines, 1, second - 1) .. string.sub(lines, (string.find(lines, '\\n', second + 1, true)))\nend\nlines = others\ncount = count - 1\nend\nreturn lines\nend\nlocal function runsText(nextAt, revision, owed, count, lines)\nreturn string.format('%.0f %.0f %s %.0f', nextAt, revision, owed, count) .. lines\nend\nlocal function writeRuns(id, text)\nredis.call('HSET', KEYS[1], 'r' .. id, text)\nend\nlocal function indexSchedule(id, nextAt, owed)\nif owed ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(owed, '^%d+'), id)\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), id)\nelse\nredis.call('ZREM', KEYS[2], id)\nend\nend\nlocal record = redis.call('HGET', KEYS[1], 'r' .. ARGV[1])\nif not record then\nreturn 0\nend\nlocal nextAt, revision, owed, count = parseRuns(record)\nif ARGV[2] ~= '' then\nlocal left, found = {}, false\nfor time in string.gmatch(owed, '%d+') do\nif time == ARGV[2] then\nfound = true\nelse\nleft[#left + 1] = time\nend\nend\nif not found then\nreturn 0\nend\nowed = #left > 0 and table.concat(left, ',') or '-'\nelseif string.find(runLines(record) .. '\\n', '\\n' .. ARGV[3] .. '\\n', 1, true) then\nreturn 1\nend\nwriteRuns(ARGV[1], runsText(nextAt, revision, owed, count, appendRuns(runLines(record), ARGV[3])))\nindexSchedule(ARGV[1], nextAt, owed)\nreturn 1\n",
};
