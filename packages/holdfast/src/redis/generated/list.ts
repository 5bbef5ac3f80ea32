// Made from lua/list.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ListArgs {
  indexKey: string;
  /** "list" from the head, "first" lowest score first, "last" highest score first */
  order: string;
  /** the cursor: a position in a list; in a sorted set the last id seen and its score as "score:id"; "" to begin */
  after: string;
  /** 1 to 500 */
  limit: number;
}

/** list: one page of the ids in one index. Returns {cursor of the next page or "", taskId, ...}. */
export const listScript: Script<ListArgs> = {
  name: "list",
  sha1: "6659f807ab203352de73df78b5978bd0d57285ea",
  keyCount: 1,
  argv: (_k, a) => [a.indexKey, a.order, a.after, a.limit],
  source: "#!lua flags=no-writes\nlocal indexKey = KEYS[1]\nlocal order = ARGV[1]\nlocal after = ARGV[2]\nlocal limit = tonumber(ARGV[3])\nif order == 'list' then\nlocal from = tonumber(after) or 0\nlocal ids = redis.call('LRANGE', indexKey, from, from + limit - 1)\nreturn { #ids == limit and string.format('%d', from + limit) or '', unpack(ids) }\nend\nlocal from = 0\nlocal score, id = string.match(after, '^([^:]+):(.+)$')\nif id then\nlocal rank = redis.call(order == 'first' and 'ZRANK' or 'ZREVRANK', indexKey, id)\nif rank then\nfrom = rank + 1\nelseif order == 'first' then\nfrom = redis.call('ZCOUNT', indexKey, '-inf', '(' .. score)\nelse\nfrom = redis.call('ZCOUNT', indexKey, '(' .. score, '+inf')\nend\nend\nlocal page = redis.call(order == 'first' and 'ZRANGE' or 'ZREVRANGE', indexKey, from, from + limit - 1, 'WITHSCORES')\nlocal ids = {}\nfor i = 1, #page, 2 do\nids[#ids + 1] = page[i]\nend\nreturn { #ids == limit and page[#page] .. ':' .. page[#page - 1] or '', unpack(ids) }\n",
};
