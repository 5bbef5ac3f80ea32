-- Maintains `ready`, `resting` and `pending:keyed`: which keys may run tasks now, which have to be checked again later,
-- and the waiting tasks of each key, its line (lib/accounts.lua).

-- Returns whether nothing but its rate keeps an account from being deleted. Its meanMs is needed while tasks wait.
local function isIdle(account, key)
  return account.running == 0 and account.override == '' and account.heldUntil < HELD_FOR_EVER and not (account.meanMs and headOf(key))
end

-- Returns whether the key may have to be checked again at a known time. Most keys do not.
local function isTimed(account)
  return account.tat > now or account.heldUntil > now or account.override ~= '' or account.refusedUntil
end

-- Returns when to check a key again: when it may run, its own limit ends, or its account can be deleted; nil if
-- unknown.
local function nextLook(limits, key)
  local account = accountOf(limits, key)
  if not isTimed(account) then
    return nil
  end
  local _, at = keyRoom(limits, key)
  at = math.min(at or math.huge, account.overrideUntil or math.huge, account.refusedUntil or math.huge)
  if at == math.huge and account.tat > now and isIdle(account, key) then
    at = math.ceil(account.tat)
  end
  return at < math.huge and at or nil
end

-- Plans an entry in `resting`, so that a later call checks the key again.
local function rest(limits, key)
  local resting, at = limits.resting, nextLook(limits, key)
  if at then
    resting[#resting + 1], resting[#resting + 2] = string.format('%.0f', at), key
  end
  return at
end

-- With LT, an earlier time that is in the index already is kept.
local function writeResting(limits)
  if #limits.resting > 0 then
    redis.call('ZADD', restingKey, 'LT', unpack(limits.resting))
    limits.resting = {}
  end
end

local function bandCodeOf(member, key)
  return string.byte(member, #key + 2) - 48
end

-- Returns by how much one grant moves the turn of a key.
local function stepOf(limits, key, limit)
  if not limits.byTime then
    return 1 / limit.weight
  end
  local meanMs = accountOf(limits, key).meanMs or accountOf(limits, '').meanMs or UNKNOWN_RUN_MS
  return meanMs / TURN_MS / limit.weight
end

-- Returns the turn of a key; the key with the lowest turn is granted first (lib/accounts.lua). A key without an account
-- gets the turn that a key has after a grant. So a key gains nothing if its account is deleted between two of its tasks.
local function turnOf(limits, key, limit)
  local account, current = accountOf(limits, key), accountOf(limits, '').running
  return account.turn > 0 and math.max(account.turn, current) or current + stepOf(limits, key, limit)
end

local function readyScore(limits, key, code)
  return numberText(code * BAND_SPAN + turnOf(limits, key, accountOf(limits, key).limit))
end

-- Adds a key to `ready` if it may run and has a waiting task.
local function open(limits, key)
  local head = keyRoom(limits, key) > 0 and headOf(key)
  if head then
    redis.call('ZADD', readyKey, 'LT', readyScore(limits, key, bandCodeOf(head, key)), key)
  end
  return head
end

-- Checks the next `limit` keys after the key `after`, and adds those that may run to `ready`. Returns the last key that
-- it has checked; "" if there are no more keys.
local function openKeys(limits, after, limit)
  for _ = 1, limit do
    -- "!" sorts directly after the space that ends a key, and before any character that could continue a longer key.
    local head = redis.call('ZRANGEBYLEX', pendingKeyedKey, after == '' and '-' or '[' .. after .. '!', '+', 'LIMIT', 0, 1)[1]
    after = head and string.match(head, '^%S+') or ''
    if not head then
      break
    end
    if not open(limits, after) then
      rest(limits, after)
    end
  end
  writeResting(limits)
  writeField('#opening', after)
  return after
end

-- Corrects the turn of a key when a task ends, with fair=time: the grant could only estimate how long the task runs.
local function chargeRun(limits, key, count, ranMs)
  local account = change(limits, key)
  local limit = key == '' and limits.queue or account.limit
  account.turn = math.max(0, account.turn + count * (ranMs / TURN_MS / limit.weight - stepOf(limits, key, limit)))
  account.meanMs = math.max(1, account.meanMs and account.meanMs + (ranMs - account.meanMs) * MEAN_PART or ranMs)
  account.charged = true
end

local function releaseType(limits, ofType, count)
  local account = change(limits, ofType)
  local wasFull = account.running >= account.limit.concurrency
  account.running = math.max(0, account.running - count)
  limits.hasTypeRoom = limits.hasTypeRoom or wasFull and account.running < account.limit.concurrency
end

-- Removes tasks that have left `processing` from their accounts. All were granted at the same time. `counted`: the text
-- in their records (lib/record.lua); nil for tasks without key and limited type. Their key becomes ready at once, even
-- for an acquire in the same call.
local function release(limits, counted, count, grantedAt)
  local key, ofType = counted, nil
  if counted and string.find(counted, '/', 1, true) then
    key, ofType = accountsIn(counted)
    releaseType(limits, ofType, count)
  end
  if limits.byTime then
    chargeRun(limits, key or '', count, now - grantedAt)
  end
  if not key then
    return
  end
  local account = change(limits, key)
  local wasFull = account.running >= account.limit.concurrency
  account.running = math.max(0, account.running - count)
  if wasFull and account.running < account.limit.concurrency then
    limits.opened[#limits.opened + 1] = key
  end
end

-- Removes groups of tasks, { counted, count, grantedAt } each, from their accounts, which one command reads.
local function releaseAll(limits, groups)
  local names = {}
  for _, group in pairs(groups) do
    local counted = group.counted
    if counted and string.find(counted, '/', 1, true) then
      local key, ofType = accountsIn(counted)
      names[#names + 1] = key
      names[#names + 1] = ofType
    else
      names[#names + 1] = counted
    end
  end
  loadAccounts(limits, names)
  for _, group in pairs(groups) do
    release(limits, group.counted, group.count, group.grantedAt)
  end
end

-- Adds the keys that have room again to `ready`. Called after all releases and before an acquire looks for tasks. Sets
-- limits.sooner if a rate delays one of these keys, because waiting workers do not know that time yet.
local function openReleased(limits)
  for _, key in ipairs(limits.opened) do
    if not open(limits, key) and rest(limits, key) then
      limits.sooner = true
    end
  end
  writeResting(limits)
end

-- Puts pending tasks into the lines of their keys. Called before the commit. Each entry has a key, the number of the
-- band and an id. With `atHead`, the tasks are put at the heads of the lines.
local function lineUp(limits, entries, atHead)
  if not limits.used then
    adoptLimits(limits.settings)
    limits.used = true
  end
  local count = redis.call('HINCRBY', stateKey, atHead and '#keyed_head' or '#keyed_tail', #entries)
  local first = atHead and FIRST_SEQUENCE - count or FIRST_SEQUENCE + count - #entries
  local members, keys, lowest, format = {}, {}, {}, string.format
  for i, entry in ipairs(entries) do
    local key, code = entry.key, entry.code
    members[2 * i - 1], members[2 * i] = '0', format('%s %d %d %s', key, code, first + i - 1, entry.id)
    local before = lowest[key]
    if not before then
      keys[#keys + 1], lowest[key] = key, code
    elseif code < before then
      lowest[key] = code
    end
  end
  redis.call('ZADD', pendingKeyedKey, unpack(members))
  loadAccounts(limits, keys)
  local ready = {}
  for _, key in ipairs(keys) do
    limits.lined[key] = true
    if keyRoom(limits, key) > 0 then
      ready[#ready + 1], ready[#ready + 2] = readyScore(limits, key, lowest[key]), key
    else
      rest(limits, key)
    end
  end
  if #ready > 0 then
    redis.call('ZADD', readyKey, 'LT', unpack(ready))
  end
  writeResting(limits)
end

-- Checks the resting keys whose time has come. Adds those that may run to `ready`, and deletes accounts that have only
-- default values. This is written at once, before the commit of the calling script.
local function wakeResting(limits)
  local keys = redis.call('ZRANGEBYSCORE', restingKey, '-inf', nowText, 'LIMIT', 0, RESTING_LIMIT)
  if #keys == 0 then
    return
  end
  loadAccounts(limits, keys)
  local later, forgotten, awake, ended = {}, {}, {}, {}
  for _, key in ipairs(keys) do
    limits.woke = isOfType(key) or open(limits, key) or limits.woke
    local account = accountOf(limits, key)
    if account.hasEnded then -- its own limit ended: nothing looks at this key again later, so the limit is removed now
      ended[#ended + 1], ended[#ended + 2] = '@' .. key, accountText(account)
    end
    local at = nextLook(limits, key)
    if at then
      later[#later + 1], later[#later + 2] = string.format('%.0f', at), key
    else
      awake[#awake + 1] = key
      forgotten[#forgotten + 1] = isIdle(account, key) and '@' .. key or nil
    end
  end
  if #ended > 0 then
    redis.call('HSET', stateKey, unpack(ended))
  end
  if #forgotten > 0 then
    redis.call('HDEL', stateKey, unpack(forgotten))
  end
  if #later > 0 then
    redis.call('ZADD', restingKey, unpack(later))
  end
  if #awake > 0 then
    redis.call('ZREM', restingKey, unpack(awake))
  end
end

-- Returns how long it takes until the next key, or the queue, may run a task, ms; -1 if that does not depend on time.
local function untilRoom(limits)
  local first = redis.call('ZRANGE', restingKey, 0, 0, 'WITHSCORES')[2]
  local at = math.min(limits.nextAt, first and tonumber(first) or math.huge)
  return at < math.huge and math.max(0, at - now) or -1
end
