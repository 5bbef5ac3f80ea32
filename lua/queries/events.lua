#!lua flags=allow-oom
-- events: read the stream of events. If the caller has read all entries, the next call that adds one publishes a
-- message.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] from  string  the id of the entry to begin with; "" to read none
-- ARGV[2] limit  integer  how many entries to read, 1 to 100
-- RETURNS {maxEvents, life, number of the last event, entries}; maxEvents: 0 if the queue keeps none
-- TIME    O(n), n = limit
-- MOVES   nothing

-- include lib/queue.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#events')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
if not settings.maxEvents then
  return { 0, '', 0, {} }
end
local entries = from == '' and {} or redis.call('XRANGE', eventsKey, from, '+', 'COUNT', limit)
if #entries < limit then
  redis.call('HSET', stateKey, '#awaited', '1')
end
return { settings.maxEvents, settings.life, tonumber(fields[2] or 0), entries }
