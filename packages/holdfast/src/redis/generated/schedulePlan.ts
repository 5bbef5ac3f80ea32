// Made from lua/operators/schedule_plan.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface SchedulePlanArgs {
  scheduleId: string;
  /** the revision of the definition that the plan was made for */
  revision: number;
  /** the next time in the record that the plan was made for */
  expectedAt: number;
  /** the next time after the plan, 0 for none */
  nextAt: number;
  /** times to enqueue, oldest first, separated by commas; "-" for none */
  owed: string;
  /** run lines (lib/schedule.lua) of the times that are not enqueued, "" for none */
  runs: string;
}

/** schedule_plan: store the plan of a janitor for the due times of a schedule. The plan says which of these times are Returns "planned" | "changed". */
export const schedulePlanScript: Script<SchedulePlanArgs, SystemKeys> = {
  name: "schedulePlan",
  sha1: "b357bd0e34924149fab17a0381593a462036f99f",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId, a.revision, a.expectedAt, a.nextAt, a.owed, a.runs],
  source: "#!lua flags=allow-oom\nlocal revision = tonumber(ARGV[2])\nlocal expectedAt = tonumber(ARGV[3])\nlocal nextAt = tonumber(ARGV[4])\nlocal record = redis.call('HGET', KEYS[1], 'r' .. ARGV[1])\nlocal knownAt, knownRevision, knownOwed, count\ndo\nlocal nextAt, revision, owed, count_2 = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')\nknownAt, knownRevision, knownOwed, count = tonumber(nextAt or 0), tonumber(revision or 0), owed or '-', tonumber(count_2 or 0) or 0\nend\nif not record or knownAt ~= expectedAt or knownRevision ~= revision or knownOwed ~= '-' then\nreturn 'changed'\nend\nlocal countOwed\ndo\nlocal _, count = string.gsub(ARGV[5], '%d+', '')\ncountOwed = count\nend\ndo\nlocal text\ndo\nlocal function runLines(record)\nlocal newline = record and string.find(record, '\\n', 1, true)\nreturn newline and string.sub(record, newline) or ''\nend\nlocal function appendRuns(lines, added)\nif added ~= '' then\nlines = lines .. '\\n' .. added\nend\nlocal _, count = string.gsub(lines, '\\n', '')\nwhile count > 10 do\nlocal second = string.find(lines, '\\n', 2, true)\nlocal others = string.sub(lines, second)\nif string.find(lines, '^\\n%d+ e ') and not string.find(others, '\\n%d+ e ') then\nothers = string.sub(lines, 1, second - 1) .. string.sub(lines, (string.find(lines, '\\n', second + 1, true)))\nend\nlines = others\ncount = count - 1\nend\nreturn lines\nend\nlocal count, lines = count + countOwed, appendRuns(runLines(record), ARGV[6])\ntext = string.format('%.0f %.0f %s %.0f', nextAt, revision, ARGV[5], count) .. lines\nend\nredis.call('HSET', KEYS[1], 'r' .. ARGV[1], text)\nend\ndo\nif ARGV[5] ~= '-' then\nredis.call('ZADD', KEYS[2], string.match(ARGV[5], '^%d+'), ARGV[1])\nelseif nextAt > 0 then\nredis.call('ZADD', KEYS[2], string.format('%.0f', nextAt), ARGV[1])\nelse\nredis.call('ZREM', KEYS[2], ARGV[1])\nend\nend\nreturn 'planned'\n",
};
