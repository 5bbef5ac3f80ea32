// Made from lua/queries/get.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface GetArgs {
  /** repeated, at most 100 times */
  tail: readonly (string | number)[];
}

/** get: all that is known about up to 100 tasks. Returns per task: envelope, record, result, progress, time, entry of its unique key; "" for what it does not have. */
export const getScript: Script<GetArgs> = {
  name: "get",
  sha1: "da25299b9e418d2e55977f1265d2405454c63b07",
  keyCount: 7,
  argv: (k, a) => [k.tasks, k.state, k.results, k.progress, k.processing, k.scheduled, k.unique, ...a.tail],
  source: "#!lua flags=no-writes\nlocal function headerOf(envelope)\nif string.byte(envelope) == 46 then\nreturn nil\nend\nreturn string.sub(envelope, 1, (string.find(envelope, '\\n', 1, true) or 0) - 1)\nend\nlocal function optionOf(header, name)\nreturn string.match(header or '', ' ' .. name .. '=(%S+)')\nend\nlocal function option(envelope, name)\nreturn optionOf(headerOf(envelope), name)\nend\nlocal parsed = {}\nlocal function uniqueTerms(envelope)\nlocal scope, onConflict, ms, key = string.match(envelope, '^[^\\n]* u=(%l)(%l)(%d*),(%S+)')\nreturn key and { key = key, scope = scope, onConflict = onConflict, ms = tonumber(ms) }\nend\nlocal envelopes = redis.call('HMGET', KEYS[1], unpack(ARGV))\nlocal records = redis.call('HMGET', KEYS[2], unpack(ARGV))\nlocal results = redis.call('HMGET', KEYS[3], unpack(ARGV))\nlocal progress = redis.call('HMGET', KEYS[4], unpack(ARGV))\nlocal reply = {}\nfor i, id in ipairs(ARGV) do\nreply[#reply + 1] = envelopes[i] or ''\nreply[#reply + 1] = records[i] or ''\nreply[#reply + 1] = results[i] or ''\nlocal told = progress[i] or ''\nlocal tab = string.find(told, '\\t', 1, true)\nif tab and tab < (string.find(told, '\\n', 1, true) or math.huge) then -- the checkpoint may be long, and only a handler reads it\nlocal kept = string.match(told, '^[^\\n]*', tab + 1)\ntold = string.sub(told, 1, tab) .. #kept .. string.sub(told, tab + 1 + #kept)\nend\nreply[#reply + 1] = told\nreply[#reply + 1] = redis.call('ZSCORE', KEYS[5], id) or redis.call('ZSCORE', KEYS[6], id) or ''\nlocal terms = envelopes[i] and uniqueTerms(envelopes[i])\nreply[#reply + 1] = terms and redis.call('HGET', KEYS[7], terms.key) or ''\nend\nreturn reply\n",
};
