// Made from lua/transitions/progress.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ProgressArgs {
  /** 0 for Redis time */
  clockMs: number;
  taskId: string;
  /** the fence of the caller's token */
  fence: string;
  /** JSON text, empty to leave it as it is */
  progress: string;
  /** JSON text, empty to leave it as it is */
  checkpoint: string;
  /** level, tab, percent-encoded text; empty for none */
  line: string;
  /** the most log lines to keep; the oldest ones are dropped */
  maxLines: number;
}

/** progress: store what a running handler reports about its attempt, and what it keeps for the next attempt. Returns 1 written, 0 stale. */
export const progressScript: Script<ProgressArgs> = {
  name: "progress",
  sha1: "446ee8b8f16c3a6920a2084c5daf5d78d30cdbef",
  keyCount: 2,
  argv: (k, a) => [k.state, k.progress, a.clockMs, a.taskId, a.fence, a.progress, a.checkpoint, a.line, a.maxLines],
  source: "#!lua flags=allow-oom\nlocal maxLines = tonumber(ARGV[7])\nlocal parsed = {}\nlocal function parseLease(record)\nif record ~= parsed.record then\nlocal fence, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\\n ]+)')\nparsed = { record = record, fence = fence, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts), workerId = workerId }\nend\nreturn parsed.fence, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId\nend\nlocal record = redis.call('HGET', KEYS[1], ARGV[2])\nif not record or parseLease(record) ~= ARGV[3] then\nreturn 0\nend\nlocal text, kept, lines = '', '', {}\nlocal stored = redis.call('HGET', KEYS[2], ARGV[2])\nif stored then\nlocal first = string.match(stored, '^[^\\n]*')\ntext, kept = string.match(first, '^([^\\t]*)(.*)$')\nfor logged in string.gmatch(string.sub(stored, #first + 1), '\\n([^\\n]*)') do\nlines[#lines + 1] = logged\nend\nend\nif ARGV[4] ~= '' then\ntext = ARGV[4]\nend\nif ARGV[5] ~= '' then\nkept = '\\t' .. ARGV[5]\nend\nif ARGV[6] ~= '' then\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlines[#lines + 1] = nowText .. '\\t' .. ARGV[6]\nend\nlocal from = math.max(1, #lines - maxLines + 1)\nlocal told = { text .. kept }\nfor i = from, #lines do\ntold[#told + 1] = lines[i]\nend\nredis.call('HSET', KEYS[2], ARGV[2], table.concat(told, '\\n'))\nreturn 1\n",
};
