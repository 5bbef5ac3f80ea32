#!lua flags=no-writes
-- keys: the limits of a queue, and either a page of its keys with waiting tasks or the given keys.
-- KEYS[1] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[2] state  HASH  the queue's own fields
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] after  string  the last key of the previous page, "" to begin
-- ARGV[3] limit  integer  keys of the page, 0 to 500
-- ARGV[4..] taskKey  string  percent-encoded; if any is given, the reply has these keys instead of a page
-- RETURNS {now, limits, accounts, leased tasks, last key of the page or "", key, waiting tasks, account, ...}
--   accounts: of the queue, of its shares and of the types with a limit, one per line; "" for an account that does not
--   exist
-- TIME    O(n log w), n keys, w = tasks with a key that wait
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua

local fields = redis.call('HMGET', stateKey, '#limits', '@', '#counters')
local accounts = { fields[2] or '' }
for name in string.gmatch('\n' .. (fields[1] or ''), '\nshare (%S+)') do
  accounts[#accounts + 1] = redis.call('HGET', stateKey, '@ ' .. name) or ''
end
for name in string.gmatch('\n' .. (fields[1] or ''), '\ntype (%S+)') do
  accounts[#accounts + 1] = redis.call('HGET', stateKey, '@ /' .. name) or ''
end
local keys, following = { unpack(ARGV, taskKeyAt) }, ''
if #keys == 0 then
  local last = after
  for _ = 1, limit do
    local head = redis.call('ZRANGEBYLEX', pendingKeyedKey, last == '' and '-' or '[' .. last .. '!', '+', 'LIMIT', 0, 1)[1]
    if not head then
      last = ''
      break
    end
    last = string.match(head, '^%S+')
    keys[#keys + 1] = last
  end
  following = last
end
local reply = { now, fields[1] or '', table.concat(accounts, '\n'), string.format('%.0f', unpackCounters(fields[3] or nil)[PROCESSING]), following }
for _, key in ipairs(keys) do
  reply[#reply + 1] = key
  reply[#reply + 1] = redis.call('ZLEXCOUNT', pendingKeyedKey, '[' .. key .. ' ', '(' .. key .. '!')
  reply[#reply + 1] = redis.call('HGET', stateKey, '@' .. key) or ''
end
return reply
