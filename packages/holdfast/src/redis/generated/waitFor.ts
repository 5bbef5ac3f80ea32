// Made from lua/transitions/wait_for.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface WaitForArgs {
  /** 0 for Redis time */
  clockMs: number;
  taskId: string;
  /** the fence of the caller's token */
  fence: string;
  /** the place of the step among the steps of the task, from 1 */
  place: number;
  /** w wait, c call. The wait for the end of a call is extended each time */
  kind: string;
  /** how long a new wait takes */
  timeoutMs: number;
  /** percent-encoded */
  name: string;
  /** percent-encoded each, separated by commas */
  eventNames: string;
}

/** wait_for: take the oldest signal that a running handler waits for. If none has come, store when the wait ends. Returns {"s"} stale | {"d", event, data} | {"t"} timed out | {"o", when the wait ends, ms since the epoch}. */
export const waitForScript: Script<WaitForArgs> = {
  name: "waitFor",
  sha1: "7755a4de66eddf460cdd34b39bb629ce28d9670b",
  keyCount: 2,
  argv: (k, a) => [k.state, k.steps, a.clockMs, a.taskId, a.fence, a.place, a.kind, a.timeoutMs, a.name, a.eventNames],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal place = tonumber(ARGV[4])\nlocal timeoutMs = tonumber(ARGV[6])\nlocal fence = ARGV[3]\nlocal name = ARGV[7]\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal function headerOf(envelope)\nif string.byte(envelope) == 46 then\nreturn nil\nend\nreturn string.sub(envelope, 1, (string.find(envelope, '\\n', 1, true) or 0) - 1)\nend\nlocal function optionOf(header, name)\nreturn string.match(header or '', ' ' .. name .. '=(%S+)')\nend\nlocal function option(envelope, name)\nreturn optionOf(headerOf(envelope), name)\nend\nlocal parsed = {}\nlocal function parseLease(record)\nif record ~= parsed.record then\nlocal fence, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\\n ]+)')\nparsed = { record = record, fence = fence, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts),\nworkerId = workerId }\nend\nreturn parsed.fence, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId\nend\nlocal function readHead(id)\nlocal text = redis.call('HGET', KEYS[2], id)\nlocal serial, places, bytes, number = string.match(text or '', '^(%d+) (%d+) (%d+) (%d+)')\nlocal head = { serial = serial, places = tonumber(places or 0), bytes = tonumber(bytes or 0), number = tonumber(number or 0), signals = {},\ndropped = {} }\nfor line, at, event in string.gmatch(text or '', '\\n(%d+ (%d+) %d+ (%S+))') do\nlocal isKept = tonumber(at) + 604800000 > now\nlocal list = isKept and head.signals or head.dropped\nlist[#list + 1] = { line = line, number = string.match(line, '^%d+'), event = event }\nend\nif not serial then\nhead.serial = string.format('%.0f', tonumber(redis.call('HGET', KEYS[2], '#serial') or 0) + 1)\nhead.isNew = true\nend\nreturn head\nend\nlocal function noteHead(fields, id, head)\nlocal lines = { string.format('%s %d %d %d', head.serial, head.places, head.bytes, head.number) }\nfor _, signal in ipairs(head.signals) do\nlines[#lines + 1] = signal.line\nend\nfields[#fields + 1], fields[#fields + 2] = id, table.concat(lines, '\\n')\nif head.isNew then\nfields[#fields + 1], fields[#fields + 2] = '#serial', head.serial\nend\nend\nlocal function noteStep(fields, head, step, old)\nlocal field = head.serial .. '/' .. step.place\nlocal isLong = #step.text > 1024\nfields[#fields + 1], fields[#fields + 2] = field, string.format('%s %s %.0f %d %s', step.kind, step.outcome, step.at, #step.text, step.name) .. (isLong and '' or '\\n' .. step.text)\nif isLong then\nfields[#fields + 1], fields[#fields + 2] = field .. '/', step.text\nend\nlocal before = old and tonumber(string.match(old, '^%a %a %d+ (%d+)')) or 0\nhead.bytes = head.bytes - before + #step.text\nhead.places = math.max(head.places, step.place)\nend\nlocal function dropSignals(head)\nlocal gone = {}\nfor i, signal in ipairs(head.dropped) do\ngone[i] = head.serial .. '!' .. signal.number\nend\nif #gone > 0 then\nredis.call('HDEL', KEYS[2], unpack(gone))\nend\nend\nlocal function placeOfSignal(head, events)\nfor i, signal in ipairs(head.signals) do\nif string.find(events, ',' .. signal.event .. ',', 1, true) then\nreturn i\nend\nend\nend\nlocal record = redis.call('HGET', KEYS[1], ARGV[2])\nif not record or parseLease(record) ~= fence then\nreturn { 's' }\nend\nlocal head, fields = readHead(ARGV[2]), {}\nlocal old = place <= head.places and redis.call('HGET', KEYS[2], head.serial .. '/' .. place) or nil\nlocal step = { place = place, kind = ARGV[5], outcome = 'o', at = now, name = name, text = ARGV[8] }\nlocal at = placeOfSignal(head, ',' .. ARGV[8] .. ',')\nlocal reply\nif at then\nlocal signal = table.remove(head.signals, at)\nlocal data = redis.call('HGET', KEYS[2], head.serial .. '!' .. signal.number) or ''\nhead.dropped[#head.dropped + 1] = signal\nif ARGV[5] == 'c' and data == '' then\nreply = { 'e' }\nelse\nstep.outcome, step.text = 'd', ARGV[5] == 'c' and data or signal.event .. '\\n' .. data\nreply = { 'd', signal.event, data }\nend\nelse\nlocal endsAt = ARGV[5] == 'w' and old and tonumber(string.match(old, '^w o (%d+)')) or now + timeoutMs\nif ARGV[5] == 'w' and endsAt <= now then\nstep.outcome, reply = 't', { 't' }\nelse\nstep.at, reply = endsAt, { 'o', endsAt }\nend\nend\nnoteStep(fields, head, step, old)\nnoteHead(fields, ARGV[2], head)\nredis.call('HSET', KEYS[2], unpack(fields))\ndropSignals(head)\nreturn reply\n",
};
