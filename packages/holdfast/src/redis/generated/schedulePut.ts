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
  sha1: "caf3c4ef224bb1593a8f1cb8181b8ba8c21155f8",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.expected, a.definition, a.revision, a.expectedAt, a.nextAt, a.owed, a.runs],
  source: "#!lua\nlocal revision = tonumber(ARGV[4])\nlocal expectedAt = tonumber(ARGV[5])\nlocal nextAt = tonumber(ARGV[6])\nlocal function countOwed(owed)\nlocal _, count = string.gsub(owed, '%d+', '')\nreturn count\nend\nlocal fields = redis.call('HMGET', KEYS[1], 'd' .. ARGV[1], 'r' .. ARGV[1])\nlocal current = fields[1] or ''\nif current == ARGV[3] then\nreturn 'written'\nend\nif current ~= ARGV[2] then\nreturn 'changed'\nend\nlocal before, _, owedBefore, count\ndo\nlocal record = fields[2]\nlocal nextAt, revision, owed, count_2 = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')\nbefore, _, owedBefore, count = tonumber(nextAt or 0), tonumber(revision or 0), owed or '-', tonumber(count_2 or 0) or 0\nend\ncount = count + countOwed(ARGV[7])\nif nextAt == -1 then\nnextAt = before\nelseif before ~= expectedAt then\nreturn 'changed'\nend\nif owedBefore ~= '-' then\nARGV[7] = ARGV[7] == '-' and owedBefore or owedBefore .. ',' .. ARGV[7]\nend\nlocal runLines\ndo\nlocal record = fields[2]\nlocal newline = record and string.find(record, '\\n', 1, true)\nrunLines = newline and string.sub(record, newline) or ''\nend\nlocal lines\ndo\nlocal lines_2 = runLines\nif ARGV[8] ~= '' then\nlines_2 = lines_2 .. '\\n' .. ARGV[8]\nend\nlocal _, count = string.gsub(lines_2, '\\n', '')\nwhile count > 10 do\nlocal second = string.find(lines_2, '\\n', 2, true)\nlocal others = string.sub(lines_2, second)\nif string.find(lines_2, '^\\n%d+ e ') and not string.find(others, '\\n%d+ e ') then\nothers = string.sub(lines_2, 1, second - 1) .. string.sub(lines_2, (string.find(lines_2, '\\n', second + 1, true)))\nend\nlines_2 = others\ncount = count - 1\nend\nlines = lines_2\nend\nredis.call('ZADD', KEYS[2], '0', ARGV[1])\nredis.call('HSET', KEYS[1], 'd' .. ARGV[1], ARGV[3], 'r' .. ARGV[1], string.format('%.0f %.0f %s %.0f', nextAt, revision, ARGV[7], count) .. lines)\ndo\nlocal nextAt = nextAt\nif ARGV[7] ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(ARGV[7], '^%d+'), ARGV[1])\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), ARGV[1])\nelse\nredis.call('ZREM', KEYS[2], ARGV[1])\nend\nend\nreturn 'written'\n",
};
