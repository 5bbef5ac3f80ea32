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
  sha1: "4fa2c8057cc888d46d030da55b617a7227759a17",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.at, a.run],
  source: "#!lua flags=allow-oom\nlocal function runLines(record)\nlocal newline = record and string.find(record, '\\n', 1, true)\nreturn newline and string.sub(record, newline) or ''\nend\nlocal record = redis.call('HGET', KEYS[1], 'r' .. ARGV[1])\nif not record then\nreturn 0\nend\nlocal nextAt, revision, owed, count\ndo\nlocal nextAt_2, revision_2, owed_2, count_2 = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')\nnextAt, revision, owed, count = tonumber(nextAt_2 or 0), tonumber(revision_2 or 0), owed_2 or '-', tonumber(count_2 or 0) or 0\nend\nif ARGV[2] ~= '' then\nlocal left, found = {}, false\nfor time in string.gmatch(owed, '%d+') do\nif time == ARGV[2] then\nfound = true\nelse\nleft[#left + 1] = time\nend\nend\nif not found then\nreturn 0\nend\nowed = #left > 0 and table.concat(left, ',') or '-'\nelseif string.find(runLines(record) .. '\\n', '\\n' .. ARGV[3] .. '\\n', 1, true) then\nreturn 1\nend\ndo\nlocal text\ndo\nlocal function appendRuns(lines, added)\nif added ~= '' then\nlines = lines .. '\\n' .. added\nend\nlocal _, count = string.gsub(lines, '\\n', '')\nwhile count > 10 do\nlocal second = string.find(lines, '\\n', 2, true)\nlocal others = string.sub(lines, second)\nif string.find(lines, '^\\n%d+ e ') and not string.find(others, '\\n%d+ e ') then\nothers = string.sub(lines, 1, second - 1) .. string.sub(lines, (string.find(lines, '\\n', second + 1, true)))\nend\nlines = others\ncount = count - 1\nend\nreturn lines\nend\nlocal owed, lines = owed, appendRuns(runLines(record), ARGV[3])\ntext = string.format('%.0f %.0f %s %.0f', nextAt, revision, owed, count) .. lines\nend\nredis.call('HSET', KEYS[1], 'r' .. ARGV[1], text)\nend\ndo\nlocal owed = owed\nif owed ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(owed, '^%d+'), ARGV[1])\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), ARGV[1])\nelse\nredis.call('ZREM', KEYS[2], ARGV[1])\nend\nend\nreturn 1\n",
};
