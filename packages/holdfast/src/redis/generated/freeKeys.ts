// Made from lua/transitions/free_keys.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface FreeKeysArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** where the last call ended, "0" to begin */
  cursor: string;
  /** entries to look at, about, 1 to 500 */
  limit: number;
}

/** free_keys: remove entries of unique keys whose tasks hold them no more, and look at one part of the hash. Returns {removed, where the next call begins, "0" at the end}. */
export const freeKeysScript: Script<FreeKeysArgs> = {
  name: "freeKeys",
  sha1: "4e97216215b0b2401bde2b174117c3e2f090c497",
  keyCount: 3,
  argv: (k, a) => [k.tasks, k.state, k.unique, a.clockMs, a.cursor, a.limit],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal limit = tonumber(ARGV[3])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal function headerOf(envelope)\nif string.byte(envelope) == 46 then\nreturn nil\nend\nreturn string.sub(envelope, 1, (string.find(envelope, '\\n', 1, true) or 0) - 1)\nend\nlocal function optionOf(header, name)\nreturn string.match(header or '', ' ' .. name .. '=(%S+)')\nend\nlocal function option(envelope, name)\nreturn optionOf(headerOf(envelope), name)\nend\nlocal parsed = {}\nlocal function isScheduled(record, envelope)\nif not envelope then\nreturn false\nend\nif record then\nreturn string.byte(record) == 115\nend\nreturn string.byte(envelope) == 64\nend\nlocal function unrecordedState(id)\nlocal envelope = redis.call('HGET', KEYS[1], id)\nreturn envelope and (isScheduled(nil, envelope) and 's' or 'p')\nend\nlocal function readHolders(keys)\nlocal holders, found, ids = {}, {}, {}\nfor place, entry in ipairs(redis.call('HMGET', KEYS[3], unpack(keys))) do\nlocal id, ends, latest = string.match(entry or '', '^(%S+) ?(%d*) ?(%d*)$')\nif id then\nlocal holder = { id = id, ends = ends ~= '0' and tonumber(ends) or nil, latest = tonumber(latest) }\nholders[keys[place]], found[#found + 1], ids[#ids + 1] = holder, holder, id\nend\nend\nfor place, record in ipairs(#ids > 0 and redis.call('HMGET', KEYS[2], unpack(ids)) or {}) do\nlocal holder = found[place]\nholder.record = record or ''\nholder.state = record and string.sub(record, 1, 1) or unrecordedState(holder.id)\nend\nreturn holders\nend\nlocal function stillHolds(holder, scope)\nlocal state = holder.state\nif not holder.ends then\nreturn (state == 'p' or state == 's' or state == 'l' and scope ~= 'w') and state or nil\nelseif holder.ends <= now or state and string.find(state, '[dxek]') then\nreturn nil\nelseif state == 'r' and string.find(holder.record, '^r %d+ %S+ %S+ %a') then -- purged, and it had not completed\nreturn nil\nend\nreturn state or 'r'\nend\nlocal page = redis.call('HSCAN', KEYS[3], ARGV[2], 'COUNT', limit)\nlocal keys = {}\nfor at = 1, #page[2], 2 do\nkeys[#keys + 1] = page[2][at]\nend\nlocal free, holders = {}, #keys > 0 and readHolders(keys) or {}\nfor _, key in ipairs(keys) do\nif not (holders[key] and stillHolds(holders[key], 'u')) then\nfree[#free + 1] = key\nend\nend\nif #free > 0 then\nredis.call('HDEL', KEYS[3], unpack(free))\nend\nreturn { #free, page[1] }\n",
};
