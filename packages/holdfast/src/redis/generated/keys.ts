// Made from lua/queries/keys.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface KeysArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** the last key of the previous page, "" to begin */
  after: string;
  /** keys of the page, 0 to 500 */
  limit: number;
  /** percent-encoded; if any is given, the reply has these keys instead of a page */
  tail: readonly (string | number)[];
}

/** keys: the limits of a queue, and either a page of its keys with waiting tasks or the given keys. Returns {now, limits, accounts, leased tasks, last key of the page or "", key, waiting tasks, account, ...}. */
export const keysScript: Script<KeysArgs> = {
  name: "keys",
  sha1: "c0a2b3d9a3409d84211bc17e84fce155ec6e3ec3",
  keyCount: 2,
  argv: (k, a) => [k.pendingKeyed, k.state, a.clockMs, a.after, a.limit, ...a.tail],
  source: "#!lua flags=no-writes\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal function unpackCounters(raw)\nif not raw then\nreturn { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nend\nreturn { struct.unpack('>ddddddddddddddddddddddddddd', #raw < 216 and raw .. string.rep('\\0', 216 - #raw) or raw) }\nend\nlocal events\nlocal ends\nlocal fields = redis.call('HMGET', KEYS[2], '#limits', '@', '#counters')\nlocal accounts = { fields[2] or '' }\nfor name in string.gmatch('\\n' .. (fields[1] or ''), '\\nshare (%S+)') do\naccounts[#accounts + 1] = redis.call('HGET', KEYS[2], '@ ' .. name) or ''\nend\nfor name in string.gmatch('\\n' .. (fields[1] or ''), '\\ntype (%S+)') do\naccounts[#accounts + 1] = redis.call('HGET', KEYS[2], '@ /' .. name) or ''\nend\nlocal keys, following = { unpack(ARGV, 4) }, ''\nif #keys == 0 then\nlocal last = ARGV[2]\nlocal limit = tonumber(ARGV[3])\nfor _ = 1, limit do\nlocal head = redis.call('ZRANGEBYLEX', KEYS[1], last == '' and '-' or '[' .. last .. '!', '+', 'LIMIT', 0, 1)[1]\nif not head then\nlast = ''\nbreak\nend\nlast = string.match(head, '^%S+')\nkeys[#keys + 1] = last\nend\nfollowing = last\nend\nlocal reply = { now, fields[1] or '', table.concat(accounts, '\\n'), string.format('%.0f', unpackCounters(fields[3] or nil)[3]), following }\nfor _, key in ipairs(keys) do\nreply[#reply + 1] = key\nreply[#reply + 1] = redis.call('ZLEXCOUNT', KEYS[1], '[' .. key .. ' ', '(' .. key .. '!')\nreply[#reply + 1] = redis.call('HGET', KEYS[2], '@' .. key) or ''\nend\nreturn reply\n",
};
