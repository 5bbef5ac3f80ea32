#!lua flags=allow-oom
-- alert_write: store what the process that evaluates the alert rules has decided and sent.
-- KEYS[1] :alerts  HASH  :owner, s<rule> state of a rule, d<rule> its definition if it was deleted, o<notification> a message to send
-- KEYS[2] :alert_rules  HASH  rule -> its definition, JSON
-- KEYS[3] :alert_history  LIST  notifications that have ended, JSON, newest first
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] owner  string
-- ARGV[3] maxKept  integer  how many ended notifications are kept
-- ARGV[4..] part  string  repeated: state, rule, JSON | forget, deleted rule, "" | send, notification, JSON | end, notification, JSON
-- RETURNS 1, or 0 if another process evaluates the rules now
-- TIME    O(n), n parts
-- MOVES   nothing

-- include lib/call.lua

local holder, till = string.match(redis.call('HGET', alertsKey, ':owner') or '', '^(%S+) (%d+)$')
if holder ~= owner or tonumber(till) <= now then
  return 0
end
local ended, written, removed = {}, {}, {}
for at = partAt, #ARGV, 3 do
  local kind, name, text = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if kind == 'end' then
    ended[#ended + 1] = text
    removed[#removed + 1] = 'o' .. name
  elseif kind == 'forget' then
    removed[#removed + 1], removed[#removed + 2] = 's' .. name, 'd' .. name
  elseif kind == 'send' then
    written[#written + 1], written[#written + 2] = 'o' .. name, text
  -- The state of a deleted rule is stored as well, because it tells which ends of alerts still need a message.
  elseif redis.call('HEXISTS', alertRulesKey, name) == 1 or redis.call('HEXISTS', alertsKey, 'd' .. name) == 1 then
    written[#written + 1], written[#written + 2] = 's' .. name, text
  end
end
if #ended > 0 then
  redis.call('LPUSH', alertHistoryKey, unpack(ended))
  redis.call('LTRIM', alertHistoryKey, 0, maxKept - 1)
end
-- One HSET stores the state together with the messages about its change, so that neither exists without the other.
if #written > 0 then
  redis.call('HSET', alertsKey, unpack(written))
end
if #removed > 0 then
  redis.call('HDEL', alertsKey, unpack(removed))
end
return 1
