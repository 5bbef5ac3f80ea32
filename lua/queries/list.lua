#!lua flags=no-writes
-- list: one page of the ids in one index. The cursor stays valid while the index changes.
-- KEYS[1] index  LIST|ZSET  the index to page through, of this queue
-- KEYS[2] state  HASH  taskId -> state record
-- ARGV[1] order  string  "first" | "last" | "ended" | "waiting" | "typed"
--   In a sorted set: first, lowest score first; last, highest score first; typed, for pending:typed.
--   In a list: ended, newest first; waiting, next first
-- ARGV[2] after  string  the cursor: "<score, end or position>:<taskId>" of the last entry of the previous page, "" to begin
--   Without a taskId, all entries with that score or end are skipped. With "typed" the cursor is "0:" and the member
-- ARGV[3] limit  integer  1 to 500
-- RETURNS {cursor of the next page or "", length of the index, taskId, ...}
-- TIME    O(log² n + limit); in a list O(n) after the clock was set back
--   "waiting": O(position) up to position 100,000, beyond that O(limit)
-- MOVES   nothing

-- include lib/envelope.lua
-- include lib/record.lua

local number, id = string.match(after, '^([^:]+):(.*)$')
number = tonumber(number)

-- Redis sorts members by their bytes, but Lua would compare strings by the locale of the server.
local function isBefore(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- Binary search: returns the lowest position in [low, high) for which `isPast` is true; `high` if there is none.
local function search(low, high, isPast)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isPast(middle) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

if order == 'first' or order == 'last' then
  local length = redis.call('ZCARD', indexKey)
  local from = 0
  if number then
    local score = string.format('%.17g', number)
    local ascending = order == 'first'
    -- The members with this score have the positions from `low` to below `high`, in the order asked for.
    local low = ascending and redis.call('ZCOUNT', indexKey, '-inf', '(' .. score) or redis.call('ZCOUNT', indexKey, '(' .. score, '+inf')
    local high = low + redis.call('ZCOUNT', indexKey, score, score)
    from = id == '' and high or search(low, high, function(at)
      local member = redis.call(ascending and 'ZRANGE' or 'ZREVRANGE', indexKey, at, at)[1]
      return ascending and isBefore(id, member) or not ascending and isBefore(member, id)
    end)
  end
  local page = redis.call(order == 'first' and 'ZRANGE' or 'ZREVRANGE', indexKey, from, from + limit - 1, 'WITHSCORES')
  local ids = {}
  for i = 1, #page, 2 do
    ids[#ids + 1] = page[i]
  end
  return { #ids == limit and page[#page] .. ':' .. page[#page - 1] or '', length, unpack(ids) }
end

if order == 'typed' then
  local page = redis.call('ZRANGEBYLEX', indexKey, number and '(' .. id or '-', '+', 'LIMIT', 0, limit)
  local ids = {}
  for i, member in ipairs(page) do
    ids[i] = string.match(member, '%S+$')
  end
  return { #ids == limit and '0:' .. page[#page] or '', redis.call('ZCARD', indexKey), unpack(ids) }
end

local length = redis.call('LLEN', indexKey)
local from = 0

-- Returns when the task at a position ended. If that entry has no record, the next entry with a record is used.
local function endedAt(at)
  for position = at, math.min(at + 20, length - 1) do
    local member = redis.call('LINDEX', indexKey, position)
    local ended = member and endedAtOf(redis.call('HGET', stateKey, member))
    if ended then
      return tonumber(ended)
    end
  end
  return 0
end

if order == 'ended' then
  if number then
    local low = search(0, length, function(at)
      return endedAt(at) <= number
    end)
    if id == '' then
      from = search(low, length, function(at)
        return endedAt(at) < number
      end)
    else
      -- Looks for the task among those of the same millisecond. If it was purged, all older ones were purged too.
      local behind
      for at = low, length - 1, 500 do
        local window = redis.call('LRANGE', indexKey, at, at + 499)
        for i, member in ipairs(window) do
          if member == id then
            behind = at + i
            break
          end
        end
        if behind or at - low > 5000 or endedAt(math.min(at + 499, length - 1)) < number then
          break
        end
      end
      -- If the clock was set back, the binary search may miss a task, so the whole list is searched.
      if not behind and tonumber(endedAtOf(redis.call('HGET', stateKey, id)) or '') == number then
        local position = redis.call('LPOS', indexKey, id)
        behind = position and position + 1
      end
      from = behind or low
    end
  end
  local ids = redis.call('LRANGE', indexKey, from, from + limit - 1)
  local last = #ids == limit and endedAt(from + limit - 1)
  return { last and string.format('%.0f:', last) .. ids[#ids] or '', length, unpack(ids) }
end

-- Workers take tasks from the head of the list. So the last task of the previous page is nearer to the head now, or it
-- and all tasks before it were taken.
if number then
  from = number
  if number <= 100000 then
    from = redis.call('LPOS', indexKey, id, 'MAXLEN', number + 1000)
    from = from and from + 1 or 0
  else
    local start = math.max(0, number - 5000)
    for i, member in ipairs(redis.call('LRANGE', indexKey, start, number + 1000)) do
      if member == id then
        from = start + i
        break
      end
    end
  end
end
local ids = redis.call('LRANGE', indexKey, from, from + limit - 1)
return { #ids == limit and string.format('%.0f:', from + limit - 1) .. ids[#ids] or '', length, unpack(ids) }
