// Made from lua/transitions/progress.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ProgressArgs {
  taskId: string;
  /** of the token */
  fence: string;
  /** JSON text, empty to leave it as it is */
  progress: string;
  /** percent-encoded, empty for none */
  line: string;
  /** the oldest lines beyond it are dropped */
  maxLines: number;
}

/** progress: what a running handler tells of its attempt. Only the holder of the current token may. Returns 1 written, 0 stale. */
export const progressScript: Script<ProgressArgs> = {
  name: "progress",
  sha1: "1abc43ac9e44f0fd60e6c620a2b02d78d0e84b0c",
  keyCount: 2,
  argv: (k, a) => [k.state, k.progress, a.taskId, a.fence, a.progress, a.line, a.maxLines],
  source: "#!lua flags=allow-oom\nlocal maxLines = tonumber(ARGV[5])\nlocal fence = ARGV[2]\nlocal function headerOf(envelope)\nif string.byte(envelope) == 46 then\nreturn nil\nend\nreturn string.sub(envelope, 1, (string.find(envelope, '\\n', 1, true) or 0) - 1)\nend\nlocal function optionOf(header, name)\nreturn string.match(header or '', ' ' .. name .. '=(%S+)')\nend\nlocal function option(envelope, name)\nreturn optionOf(headerOf(envelope), name)\nend\nlocal parsed = {}\nlocal function parseLease(record)\nif record ~= parsed.record then\nlocal fence, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\\n ]+)')\nparsed = { record = record, fence = fence, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts),\nworkerId = workerId }\nend\nreturn parsed.fence, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId\nend\nlocal record = redis.call('HGET', KEYS[1], ARGV[1])\nif not record or parseLease(record) ~= fence then\nreturn 0\nend\nlocal text, lines = '', {}\nlocal stored = redis.call('HGET', KEYS[2], ARGV[1])\nif stored then\ntext = string.match(stored, '^[^\\n]*')\nfor logged in string.gmatch(string.sub(stored, #text + 1), '\\n([^\\n]*)') do\nlines[#lines + 1] = logged\nend\nend\nif ARGV[3] ~= '' then\ntext = ARGV[3]\nend\nif ARGV[4] ~= '' then\nlines[#lines + 1] = ARGV[4]\nend\nlocal from = math.max(1, #lines - maxLines + 1)\nlocal kept = { text }\nfor i = from, #lines do\nkept[#kept + 1] = lines[i]\nend\nredis.call('HSET', KEYS[2], ARGV[1], table.concat(kept, '\\n'))\nreturn 1\n",
};
