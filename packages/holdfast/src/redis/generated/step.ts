// Made from lua/transitions/step.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface StepArgs {
  /** 0 for Redis time */
  clockMs: number;
  taskId: string;
  /** the fence of the caller's token */
  fence: string;
  /** the place of the step among the steps of the task, from 1 */
  place: number;
  /** s step, z sleep, c call */
  kind: string;
  /** d done, o open */
  outcome: string;
  /** how long a sleep lasts; 0 for other kinds */
  waitMs: number;
  /** percent-encoded */
  name: string;
  /** what is kept of the step, "" for nothing */
  text: string;
}

/** step: store a durable step of a running handler. Only the holder of the current lease may write. Returns when the step was done, or when the sleep ends, ms since the epoch; 0 if the fence is stale. */
export const stepScript: Script<StepArgs> = {
  name: "step",
  sha1: "06c57ec1f087074c8bfe023b981e2329d4435c44",
  keyCount: 2,
  argv: (k, a) => [k.state, k.steps, a.clockMs, a.taskId, a.fence, a.place, a.kind, a.outcome, a.waitMs, a.name, a.text],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal place = tonumber(ARGV[4])\nlocal waitMs = tonumber(ARGV[7])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal parsed = {}\nlocal function parseLease(record)\nif record ~= parsed.record then\nlocal fence, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\\n ]+)')\nparsed = { record = record, fence = fence, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts), workerId = workerId }\nend\nreturn parsed.fence, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId\nend\nlocal record = redis.call('HGET', KEYS[1], ARGV[2])\nif not record or parseLease(record) ~= ARGV[3] then\nreturn 0\nend\nlocal readHead\ndo\nlocal text\ndo\nlocal text_2 = redis.call('HGET', KEYS[2], ARGV[2])\ntext = text_2 and string.byte(text_2) == 47 and '0 1\\n/1 ' .. string.sub(text_2, 2) or text_2\nend\nlocal serial, places, bytes, number = string.match(text or '', '^(%d+) (%d+) ?(%d*) ?(%d*)')\nlocal head = { serial = serial, places = tonumber(places or 0), bytes = tonumber(bytes) or 0, number = tonumber(number) or 0, signals = {}, dropped = {}, sleeps = {} }\nfor line, at, event in string.gmatch(text or '', '\\n(%d+ (%d+) %d+ (%S+))') do\nlocal isKept = tonumber(at) + 604800000 > now\nlocal list = isKept and head.signals or head.dropped\nlist[#list + 1] = { line = line, number = string.match(line, '^%d+'), event = event }\nend\nfor place, at, name in string.gmatch(text or '', '\\n/(%d+) (%d+) ?([^\\n]*)') do\nhead.sleeps[#head.sleeps + 1] = { place = place, at = tonumber(at), name = name == '' and 'sleep' or name }\nend\nif not serial or serial == '0' then\nhead.serial = string.format('%.0f', tonumber(redis.call('HGET', KEYS[2], '#serial') or 0) + 1)\nhead.isNew = true\nend\nreadHead = head\nend\nlocal head, fields, at = readHead, {}, now + waitMs\nlocal old = place <= head.places and redis.call('HGET', KEYS[2], head.serial .. '/' .. place) or nil\ndo\nlocal step = { place = place, kind = ARGV[5], outcome = ARGV[6], at = at, name = ARGV[8], text = ARGV[9] }\nhead.places = math.max(head.places, step.place)\nif step.kind == 'z' then\nhead.sleeps[#head.sleeps + 1] = { place = step.place, at = step.at, name = step.name }\nelse\nlocal field = head.serial .. '/' .. step.place\nlocal isLong = #step.text > 1024\nfields[#fields + 1], fields[#fields + 2] = field, string.format('%s %s %.0f %d %s', step.kind, step.outcome, step.at, #step.text, step.name) .. (isLong and '' or '\\n' .. step.text)\nif isLong then\nfields[#fields + 1], fields[#fields + 2] = field .. '/', step.text\nend\nlocal before = old and tonumber(string.match(old, '^%a %a %d+ (%d+)')) or 0\nhead.bytes = head.bytes - before + #step.text\nend\nend\ndo\nlocal isLoneSleep\ndo\nlocal sleep = head.sleeps[1]\nisLoneSleep = head.isNew and head.places == 1 and head.number == 0 and head.bytes == 0 and sleep and sleep.name == 'sleep' and sleep.at > now\nend\nif isLoneSleep then\nfields[#fields + 1], fields[#fields + 2] = ARGV[2], string.format('/%.0f', head.sleeps[1].at)\nelse\nlocal isShort = head.bytes == 0 and head.number == 0\nlocal lines = { string.format(isShort and '%s %d' or '%s %d %d %d', head.serial, head.places, head.bytes, head.number) }\nfor _, signal in ipairs(head.signals) do\nlines[#lines + 1] = signal.line\nend\nfor _, sleep in ipairs(head.sleeps) do\nif sleep.at > now then\nlines[#lines + 1] = string.format('/%s %.0f', sleep.place, sleep.at) .. (sleep.name == 'sleep' and '' or ' ' .. sleep.name)\nelse\nfields[#fields + 1] = head.serial .. '/' .. sleep.place\nfields[#fields + 1] = string.format('z o %.0f 0 %s', sleep.at, sleep.name)\nend\nend\nfields[#fields + 1], fields[#fields + 2] = ARGV[2], table.concat(lines, '\\n')\nif head.isNew then\nfields[#fields + 1], fields[#fields + 2] = '#serial', head.serial\nend\nend\nend\nredis.call('HSET', KEYS[2], unpack(fields))\ndo\nlocal gone = {}\nfor i, signal in ipairs(head.dropped) do\ngone[i] = head.serial .. '!' .. signal.number\nend\nif #gone > 0 then\nredis.call('HDEL', KEYS[2], unpack(gone))\nend\nend\nreturn at\n",
};
