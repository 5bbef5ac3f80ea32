#!lua flags=allow-oom
-- free_keys: remove entries of unique keys whose tasks no longer hold them, looking at one part of the hash per call.
-- KEYS[1] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[2] tasks  HASH  taskId -> envelope
-- KEYS[3] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[4] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] cursor  string  the cursor that the last call returned, "0" to begin
-- ARGV[3] limit  integer  about how many entries to look at, 1 to 500
-- RETURNS {removed, cursor of the next call, "0" at the end}
-- TIME    O(n), n = limit
-- MOVES   nothing

-- include lib/call.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/unique.lua
-- include lib/next.lua

local page = redis.call('HSCAN', uniqueKey, cursor, 'COUNT', limit)
local keys = {}
for at = 1, #page[2], 2 do
  keys[#keys + 1] = page[2][at]
end
local free, ended, holders = {}, {}, #keys > 0 and readHolders(keys) or {}
for _, key in ipairs(keys) do
  if not (holders[key] and stillHolds(holders[key], 'u')) then
    free[#free + 1] = key
  end
  if holders[key] and holders[key].over then
    ended[#ended + 1] = holders[key].over
  end
end
-- With keepLatest, a task may wait for the end of the task that holds its unique key. Most scripts that end the holder
-- make that task due. `empty`, `expire` and `reject` do not, so this is done here.
if #ended > 0 then
  releaseNext(ended)
end
if #free > 0 then
  redis.call('HDEL', uniqueKey, unpack(free))
end
return { #free, page[1] }
