#!lua flags=allow-oom
-- alert_turn: take, renew or give up the lease of the process that evaluates the alert rules.
-- KEYS[1] :alerts  HASH  :revision, :owner the process that evaluates the rules and until when
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] owner  string  a name that nobody else has
-- ARGV[3] leaseMs  integer  0 gives the lease up
-- RETURNS {now, 1 if the caller has the lease, revision, ms for which nobody had it}
-- TIME    O(1)
-- MOVES   nothing

-- include lib/call.lua

local found = redis.call('HMGET', alertsKey, ':revision', ':owner')
local revision = tonumber(found[1] or 0)
local holder, till = string.match(found[2] or '', '^(%S+) (%d+)$')
if holder and holder ~= owner and tonumber(till) > now then
  return { now, 0, revision, 0 }
end
if leaseMs == 0 then
  -- The time of the release is stored, so that the next owner knows how long nobody evaluated the rules.
  if holder == owner then
    redis.call('HSET', alertsKey, ':owner', '- ' .. nowText)
  end
  return { now, 0, revision, 0 }
end
redis.call('HSET', alertsKey, ':owner', owner .. ' ' .. string.format('%.0f', now + leaseMs))
return { now, 1, revision, till and math.max(0, now - tonumber(till)) or 0 }
