#!lua flags=no-writes
-- list: one page of the ids in one index.
-- KEYS[1] index  LIST|ZSET  the index to page through, of this queue
-- ARGV[1] order  string  "list" from the head, "first" lowest score first, "last" highest score first
-- ARGV[2] after  string  the cursor: a position in a list; in a sorted set the last id seen and its score as "score:id"; "" to begin
-- ARGV[3] limit  integer  1 to 500
-- RETURNS {cursor of the next page or "", taskId, ...}
-- TIME    O(log n + limit)
-- MOVES   nothing

if order == 'list' then
  local from = tonumber(after) or 0
  local ids = redis.call('LRANGE', indexKey, from, from + limit - 1)
  return { #ids == limit and string.format('%d', from + limit) or '', unpack(ids) }
end

-- The rank of the last id seen; where it has left the set, of the first one behind its score.
local from = 0
local score, id = string.match(after, '^([^:]+):(.+)$')
if id then
  local rank = redis.call(order == 'first' and 'ZRANK' or 'ZREVRANK', indexKey, id)
  if rank then
    from = rank + 1
  elseif order == 'first' then
    from = redis.call('ZCOUNT', indexKey, '-inf', '(' .. score)
  else
    from = redis.call('ZCOUNT', indexKey, '(' .. score, '+inf')
  end
end
local page = redis.call(order == 'first' and 'ZRANGE' or 'ZREVRANGE', indexKey, from, from + limit - 1, 'WITHSCORES')
local ids = {}
for i = 1, #page, 2 do
  ids[#ids + 1] = page[i]
end
return { #ids == limit and page[#page] .. ':' .. page[#page - 1] or '', unpack(ids) }
