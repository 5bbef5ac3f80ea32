-- Counts the grants of an acquire on the accounts of keys, types and the queue (lib/accounts.lua), and finds out which
-- limit refuses a task. Each grant moves the turn of its key (lib/turns.lua) and uses up limits.

-- Counts grants of one key, or of the tasks without a key if the key is ''. isEmpty: the key has no other waiting task.
local function count(limits, key, grants, cost, isEmpty)
  local account = change(limits, key)
  local limit = key == '' and limits.queue or account.limit
  local step = stepOf(limits, key, limit)
  local turn = account.turn > 0 and account.turn or limits.current + step
  local last = turn + (grants - 1) * step
  account.turn = last + step
  if last > limits.highest then
    limits.highest = last
  end
  if not isEmpty and last < limits.lowest then
    limits.lowest = last
  end
  for _, whole in ipairs(limits.wholes) do
    if whole.limit.intervalMs > 0 then
      local counted = change(limits, whole.key)
      counted.tat = math.max(counted.tat, now) + cost * whole.limit.intervalMs
    end
  end
  if key ~= '' then
    account.running = account.running + grants
    if limit.intervalMs > 0 then
      account.tat = math.max(account.tat, now) + cost * limit.intervalMs
    end
  end
end

-- Moves the turn of the queue after grants were counted. A key that becomes ready later begins with this turn, so it
-- neither overtakes the waiting keys nor has to wait for all of them.
local function moveTurn(limits)
  change(limits, '').running = math.max(limits.current, limits.lowest < math.huge and limits.lowest or limits.highest)
end

-- Counts the grants that cost 1, for each lane at once. A lane is the tasks of one key, or all tasks without a key.
local function countLanes(limits)
  local isCounted = false
  for _, lane in ipairs(limits.lanes) do
    if lane.granted > 0 then
      count(limits, lane.key, lane.granted, lane.granted, not lane.entries[lane.taken + 1])
      lane.granted, isCounted = 0, true
    end
  end
  if limits.unkeyed.granted > 0 then
    count(limits, '', limits.unkeyed.granted, limits.unkeyed.granted)
    limits.unkeyed.granted, isCounted = 0, true
  end
  if isCounted then
    moveTurn(limits)
  end
end

-- Returns whether the limit of a type refuses a task. If the rate refuses it because of its cost, the account keeps the
-- time when the rate will allow it.
local function isTypeFull(limits, ofType, cost)
  local account = accountOf(limits, ofType)
  local at = allowedAt(account, account.limit, cost)
  account.refusedUntil = at > now and at or nil
  if at > now then
    change(limits, ofType)
  end
  return at > now or account.running >= account.limit.concurrency
end

-- Returns the account of the type of a task; nil if the type has no limit.
local function limitedType(limits, envelope)
  local name = typeOf(envelope)
  local ofType = name and typeAccount(name)
  return limits.types[ofType] and ofType
end

local function typeRoom(limits, name)
  local ofType = typeAccount(name)
  -- The parentheses drop the second value that `keyRoom` returns.
  return limits.types and limits.types[ofType] and (keyRoom(limits, ofType)) or math.huge
end

-- Returns which limit refuses the task: 'queue', 'key' or 'type'; nil if the task may start. ofType: the account of its
-- type; nil if the type has no limit. Only tasks that cost more than 1 are checked here, because an acquire does not
-- look at more tasks than the queue and the key have room for. After a key has refused one task, it refuses all later
-- ones of this call. The key is checked before the queue, because a refusal by the queue ends the whole call.
local function refusal(limits, terms, ofType)
  countLanes(limits)
  limits.isCostly = true
  local account = terms.key ~= '' and accountOf(limits, terms.key)
  if account and not account.refuses then
    local at = allowedAt(account, account.limit, terms.cost)
    account.refusedUntil = at > now and at or nil
    account.refuses = at > now or account.running >= account.limit.concurrency
    -- The entries of this key took places in this call that other keys could have used, so the worker has to ask again.
    limits.more = limits.more or account.refuses
  end
  if account and account.refuses then
    return 'key'
  end
  if ofType and isTypeFull(limits, ofType, terms.cost) then
    if not (account and limits.ordered) then
      return 'type'
    end
    -- In strict order, later tasks may not overtake this one. So the key pauses, and the task is not put aside.
    account.refuses, account.refusedUntil, limits.more = true, accountOf(limits, ofType).refusedUntil or now + FULL_TYPE_MS, true
    return 'key'
  end
  local at = 0
  for _, whole in ipairs(limits.wholes) do
    at = math.max(at, allowedAt(accountOf(limits, whole.key), whole.limit, terms.cost))
  end
  if at > now then
    limits.nextAt, limits.more = math.min(limits.nextAt, at), false
    return 'queue'
  end
  return nil
end

local function charge(limits, terms, ofType)
  count(limits, terms.key, 1, terms.cost, false)
  moveTurn(limits)
  if ofType then
    local account = change(limits, ofType)
    account.running = account.running + 1
    if account.limit.intervalMs > 0 then
      account.tat = math.max(account.tat, now) + terms.cost * account.limit.intervalMs
    end
  end
end
