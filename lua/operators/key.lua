#!lua flags=allow-oom
-- key: hold a key, a type or the queue for some time, end such a hold, or give a key a limit of its own.
-- KEYS[1] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[2] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[3] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[4] state  HASH  the queue's own fields
-- KEYS[5] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] taskKey  string  percent-encoded; "" for the queue, " /<type>" for a type
-- ARGV[3] holdMs  integer  for this long none of its tasks are granted; 0: end the hold; -1: leave the hold as it is
-- ARGV[4] override  string  "concurrency rate periodMs burst weight lastsMs", lastsMs 0 for ever
--   "": the limit of all keys. "=": leave the limit as it is
-- RETURNS the account
-- TIME    O(log w), w = tasks with a key that wait
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/wake.lua
-- include lib/limits.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#limits')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
local limits = newLimits(fields[2], settings)
if isOfType(taskKey) and holdMs > 0 then
  holdType(limits, string.sub(taskKey, 3), now + holdMs)
end
local account = change(limits, taskKey)
if holdMs >= 0 then
  account.heldUntil = holdMs > 0 and now + holdMs or 0
end
if override ~= '=' then
  local limit, lastsMs = string.match(override, '^(.*) (%d+)$')
  lastsMs = tonumber(lastsMs or 0)
  local untilMs = lastsMs > 0 and now + lastsMs or 0
  account.override = limit and string.format('%s %.0f', limit, untilMs) or ''
  account.limit = limit and parseLimit(limit) or limits.key
  account.overrideUntil = untilMs > 0 and untilMs or nil
end

-- 2. Write the targets.
if taskKey ~= '' then
  if not open(limits, taskKey) then
    limits.held[#limits.held + 1] = taskKey
  end
  rest(limits, taskKey)
  writeResting(limits)
end

-- 3. Commit.
local commit = {}
writeAccounts(limits, commit)
redis.call('HSET', stateKey, unpack(commit))

-- 4. Remove the sources.
finishAccounts(limits)
wake()
return accountText(account)
