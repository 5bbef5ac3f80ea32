// Made from lua/progress.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ProgressArgs {
  taskId: string;
  token: string;
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
  sha1: "4562901b575f987ad06bd43fdbfc4057a1ab3abf",
  keyCount: 2,
  argv: (k, a) => [k.state, k.progress, a.taskId, a.token, a.progress, a.line, a.maxLines],
  source: "#!lua flags=allow-oom\nlocal stateKey = KEYS[1]\nlocal progressKey = KEYS[2]\nlocal taskId = ARGV[1]\nlocal token = ARGV[2]\nlocal progress = ARGV[3]\nlocal line = ARGV[4]\nlocal maxLines = tonumber(ARGV[5])\nlocal SOLO_CRASHES = 2\nlocal HISTORY_LINES = 32\nlocal RELEASES_REFUNDED = 10\nlocal parsed = {}\nlocal function parseLease(record)\nif record ~= parsed.record then\nlocal token, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\\n ]+)')\nparsed = { record = record, token = token, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts),\nworkerId = workerId }\nend\nreturn parsed.token, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId\nend\nlocal function headerOf(envelope)\nif string.byte(envelope) == 46 then -- \".\"\nreturn nil\nend\nreturn string.sub(envelope, 1, (string.find(envelope, '\\n', 1, true) or 0) - 1)\nend\nlocal function optionOf(header, name)\nlocal _, at = string.find(header or '', ' ' .. name .. '=', 1, true)\nreturn at and string.match(header, '^%S+', at + 1)\nend\nlocal function option(envelope, name)\nreturn optionOf(headerOf(envelope), name)\nend\nlocal record = redis.call('HGET', stateKey, taskId)\nif not record or parseLease(record) ~= token then\nreturn 0\nend\nlocal text, lines = '', {}\nlocal stored = redis.call('HGET', progressKey, taskId)\nif stored then\ntext = string.match(stored, '^[^\\n]*')\nfor logged in string.gmatch(string.sub(stored, #text + 1), '\\n([^\\n]*)') do\nlines[#lines + 1] = logged\nend\nend\nif progress ~= '' then\ntext = progress\nend\nif line ~= '' then\nlines[#lines + 1] = line\nend\nlocal from = math.max(1, #lines - maxLines + 1)\nlocal kept = { text }\nfor i = from, #lines do\nkept[#kept + 1] = lines[i]\nend\nredis.call('HSET', progressKey, taskId, table.concat(kept, '\\n'))\nreturn 1\n",
};
