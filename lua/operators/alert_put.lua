#!lua flags=allow-oom
-- alert_put: write or remove an alert rule, its mute or a target, or ask for a test message.
-- KEYS[1] :alerts  HASH  :revision, m<rule> its mute, d<rule> its definition if it was deleted, o<notification> a message to send
-- KEYS[2] :alert_rules  HASH  rule -> its definition, JSON
-- KEYS[3] :alert_targets  HASH  target -> its URL and its secrets, JSON
-- ARGV[1] what  string  rule | mute | target | test
-- ARGV[2] name  string
-- ARGV[3] text  string  JSON, which this script does not read; "" removes it
-- ARGV[4] most  integer  how many of this kind there may be
-- RETURNS 2 created, 1 written or removed, 0 there is no such rule or target, -1 there are too many
-- TIME    O(1)
-- MOVES   nothing

local key, field = alertsKey, 'm' .. name
if what == 'rule' then
  key, field = alertRulesKey, name
elseif what == 'target' then
  key, field = alertTargetsKey, name
elseif what == 'test' then
  field = 'o' .. name
end
local known = redis.call('HEXISTS', key, field)
-- The revision tells processes to read everything again. It is written first, so that an abort hides no change.
if text == '' then
  if known == 0 then
    return 0
  end
  redis.call('HINCRBY', alertsKey, ':revision', 1)
  if what == 'rule' then
    -- The definition and the state of a deleted rule stay, until the process that evaluates the rules has sent the
    -- messages about the end of its alerts.
    redis.call('HSET', alertsKey, 'd' .. name, redis.call('HGET', key, name))
    redis.call('HDEL', alertsKey, 'm' .. name)
  end
  redis.call('HDEL', key, field)
  return 1
end
if what == 'mute' and redis.call('HEXISTS', alertRulesKey, name) == 0 then
  return 0
end
if known == 0 and (what == 'rule' or what == 'target') and redis.call('HLEN', key) >= most then
  return -1
end
redis.call('HINCRBY', alertsKey, ':revision', 1)
redis.call('HSET', key, field, text)
if what == 'rule' then
  redis.call('HDEL', alertsKey, 'd' .. name)
end
return 2 - known
