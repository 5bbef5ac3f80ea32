-- The limits of a queue during one call, and the accounts (lib/accounts.lua) that the call reads and changes.

-- include lib/settings.lua
-- include lib/accounts.lua
-- include lib/ready.lua

-- Adds the changed accounts to the commit. Called before the commit.
local function writeAccounts(limits, commit)
  if not limits.used and #limits.changed > 0 then
    adoptLimits(limits.settings)
  end
  if limits.isExtended then
    commit[#commit + 1], commit[#commit + 2] = '#limits', limits.text
  end
  for _, key in ipairs(limits.changed) do
    commit[#commit + 1], commit[#commit + 2] = '@' .. key, accountText(limits.accounts[key])
  end
end

-- Removes held keys from `ready`, and deletes accounts with only default values. Called after the commit. An account
-- that will have only default values when its rate has recovered is put into `resting` until then.
local function finishAccounts(limits)
  local left, forgotten, turns = limits.left, {}, {}
  for _, key in ipairs(limits.held) do
    if keyRoom(limits, key) == 0 then
      left[#left + 1] = key
    end
  end
  for _, key in ipairs(limits.changed) do
    local account, first = limits.accounts[key], string.byte(key)
    local isKey = first and first ~= 32 -- a space
    if isKey or isOfType(key) then
      if not (isTimed(account) and rest(limits, key)) and account.running == 0 and isIdle(account, key) then
        forgotten[#forgotten + 1] = '@' .. key
      end
    end
    local head = account.charged and isKey and headOf(key)
    if head then
      turns[#turns + 1], turns[#turns + 2] = readyScore(limits, key, bandCodeOf(head, key)), key
    end
  end
  writeResting(limits)
  if #turns > 0 then
    redis.call('ZADD', readyKey, 'XX', unpack(turns))
  end
  if #left > 0 then
    redis.call('ZREM', readyKey, unpack(left))
  end
  if #forgotten > 0 then
    redis.call('HDEL', stateKey, unpack(forgotten))
  end
end

-- Returns the limits of the types, by the names of their accounts; nil if no type has a limit.
local function readTypes(lines)
  local types = nil
  for name, text in string.gmatch(lines, '\ntype (%S+) ([^\n]+)') do
    types = types or {}
    types[typeAccount(name)] = parseLimit(text)
  end
  return types
end

local function readPolicy(limits, policy)
  limits.ordered, limits.stops = optionOf(policy, 'ordered') ~= nil, optionOf(policy, 'stop') ~= nil
  limits.full, limits.maxWaiting = optionOf(policy, 'full'), tonumber(optionOf(policy, 'max'))
  limits.byTime = optionOf(policy, 'fair') == 'time'
  if limits.ordered then
    limits.key.concurrency = 1
  end
end

-- Reads the limits of all tasks of the queue together: the limit of the queue, and its shares of limits that several
-- queues share. `key` is the name of the account for such a limit.
local function readWholes(limits, lines)
  limits.wholes = { { key = '', limit = limits.queue } }
  limits.concurrency = limits.queue.concurrency
  for name, text in string.gmatch(lines, '\nshare (%S+) %d+ ([^\n]+)') do
    local limit = parseLimit(text .. ' 1')
    limits.wholes[#limits.wholes + 1] = { key = ' ' .. name, limit = limit }
    limits.concurrency = math.min(limits.concurrency, limit.concurrency)
  end
end

-- `text` is the field "#limits"; nil if the queue has had neither limits nor a task with a key. The hot scripts include
-- this file only in the branch that needs limits, so code outside the branch calls the functions as fields of this
-- table.
-- The other fields:
--
--   text          the lines of "#limits"; isExtended: a line was added, so the commit has to write them
--   accounts      the accounts that this call has read, by key
--   changed       keys whose account goes into the commit
--   opened        keys that have room again   held  keys that are held from this call on
--   left          keys to remove from `ready`   resting  entries to add to `resting`
--   lined         keys that got tasks into their lines
--   hasTypeRoom   a type that was full has room again
--   nextAt        when the queue as a whole may start more tasks
local function newLimits(text, settings)
  local lines = '\n' .. (text or '')
  local limits = { settings = settings, text = text or '', used = text and true or false, accounts = {}, changed = {}, opened = {}, held = {}, left = {}, resting = {}, lined = {}, nextAt = math.huge, woke = false,
    queue = parseLimit(string.match(lines, '\nqueue ([^\n]+)')), key = parseLimit(string.match(lines, '\nkey ([^\n]+)')),
    types = readTypes(lines), release = release, releaseAll = releaseAll, openReleased = openReleased, refund = refund, hold = hold, holdType = holdType, lineUp = lineUp, wakeResting = wakeResting,
    untilRoom = untilRoom, queueRoom = queueRoom, write = writeAccounts, finish = finishAccounts, died = died, goOn = goOn }
  readWholes(limits, lines)
  local policy = string.match(lines, '\npolicy([^\n]*)')
  if policy then
    readPolicy(limits, policy)
  end
  return limits
end
