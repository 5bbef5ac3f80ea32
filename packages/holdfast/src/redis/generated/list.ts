// Made from lua/list.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ListArgs {
  indexKey: string;
  /** of a sorted set "first" (lowest score first) or "last"; of a list "ended" (newest first) or "waiting" (next first) */
  order: string;
  /** the cursor: "<score, end or position>:<taskId>" of the last one seen, without taskId all of that score or end; "" to begin */
  after: string;
  /** 1 to 500 */
  limit: number;
}

/** list: one page of the ids in one index. The cursor stays right while the index changes. Returns {cursor of the next page or "", length of the index, taskId, ...}. */
export const listScript: Script<ListArgs> = {
  name: "list",
  sha1: "cfc3b52db51442faa44cedc406ce95fd9403eb92",
  keyCount: 2,
  argv: (k, a) => [a.indexKey, k.state, a.order, a.after, a.limit],
  source: "#!lua flags=no-writes\nlocal limit = tonumber(ARGV[3])\nlocal function endedAtOf(record)\nreturn record and (string.match(record, '^c%S+ %S+ %-?%d+ (%d+)') or string.match(record, '^[dxek]%S+ (%d+)')) or nil\nend\nlocal parsed = {}\nlocal number, id = string.match(ARGV[2], '^([^:]+):(.*)$')\nnumber = tonumber(number)\nlocal function isBefore(a, b)\nfor i = 1, math.min(#a, #b) do\nlocal x, y = string.byte(a, i), string.byte(b, i)\nif x ~= y then\nreturn x < y\nend\nend\nreturn #a < #b\nend\nlocal function search(low, high, isPast)\nwhile low < high do\nlocal middle = math.floor((low + high) / 2)\nif isPast(middle) then\nhigh = middle\nelse\nlow = middle + 1\nend\nend\nreturn low\nend\nif ARGV[1] == 'first' or ARGV[1] == 'last' then\nlocal length = redis.call('ZCARD', KEYS[1])\nlocal from = 0\nif number then\nlocal score = string.format('%.17g', number)\nlocal ascending = ARGV[1] == 'first'\nlocal low = ascending and redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score) or redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')\nlocal high = low + redis.call('ZCOUNT', KEYS[1], score, score)\nfrom = id == '' and high or search(low, high, function(at)\nlocal member = redis.call(ascending and 'ZRANGE' or 'ZREVRANGE', KEYS[1], at, at)[1]\nreturn ascending and isBefore(id, member) or not ascending and isBefore(member, id)\nend)\nend\nlocal page = redis.call(ARGV[1] == 'first' and 'ZRANGE' or 'ZREVRANGE', KEYS[1], from, from + limit - 1, 'WITHSCORES')\nlocal ids = {}\nfor i = 1, #page, 2 do\nids[#ids + 1] = page[i]\nend\nreturn { #ids == limit and page[#page] .. ':' .. page[#page - 1] or '', length, unpack(ids) }\nend\nlocal length = redis.call('LLEN', KEYS[1])\nlocal from = 0\nlocal function endedAt(at)\nfor position = at, math.min(at + 20, length - 1) do\nlocal member = redis.call('LINDEX', KEYS[1], position)\nlocal ended = member and endedAtOf(redis.call('HGET', KEYS[2], member))\nif ended then\nreturn tonumber(ended)\nend\nend\nreturn 0\nend\nif ARGV[1] == 'ended' then\nif number then\nlocal low = search(0, length, function(at)\nreturn endedAt(at) <= number\nend)\nfrom = low\nif id == '' then\nfrom = search(low, length, function(at)\nreturn endedAt(at) < number\nend)\nelse\nfor at = low, length - 1, 500 do\nlocal window = redis.call('LRANGE', KEYS[1], at, at + 499)\nlocal found\nfor i, member in ipairs(window) do\nif member == id then\nfound = at + i\nbreak\nend\nend\nif found then\nfrom = found\nbreak\nend\nif at - low > 5000 or endedAt(math.min(at + 499, length - 1)) < number then\nbreak\nend\nend\nend\nend\nlocal ids = redis.call('LRANGE', KEYS[1], from, from + limit - 1)\nlocal last = #ids == limit and endedAt(from + limit - 1)\nreturn { last and string.format('%.0f:', last) .. ids[#ids] or '', length, unpack(ids) }\nend\nif number then\nfrom = number\nif number <= 100000 then\nfrom = redis.call('LPOS', KEYS[1], id, 'MAXLEN', number + 1000)\nfrom = from and from + 1 or 0\nelse\nlocal start = math.max(0, number - 5000)\nfor i, member in ipairs(redis.call('LRANGE', KEYS[1], start, number + 1000)) do\nif member == id then\nfrom = start + i\nbreak\nend\nend\nend\nend\nlocal ids = redis.call('LRANGE', KEYS[1], from, from + limit - 1)\nreturn { #ids == limit and string.format('%.0f:', from + limit - 1) .. ids[#ids] or '', length, unpack(ids) }\n",
};
