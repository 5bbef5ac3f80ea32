-- Counts the grants of an acquire on the accounts of keys, types and the queue, and says which limit refuses a task.
-- A grant takes turns (lib/turns.lua) and uses up limits (lib/accounts.lua).

-- Counts grants of a key, or of the tasks without a key if the key is ''. isEmpty: no other task of the key waits.
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

-- Moves the turn of the queue after grants were counted. A key that becomes ready later starts at this turn. So it
-- neither overtakes the waiting keys nor falls behind them.
local function moveTurn(limits)
  change(limits, '').running = math.max(limits.current, limits.lowest < math.huge and limits.lowest or limits.highest)
end

-- Counts the grants that cost 1 each, once per lane. The tasks without a key have a lane of their own.
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

-- Returns whether the limit of a type refuses a task. If the rate refuses it because of its cost, the account keeps
-- when the rate will allow it.
local function isTypeFull(limits, ofType, cost)
  local account = accountOf(limits, ofType)
  local at = allowedAt(account, account.limit, cost)
  account.refusedUntil = at > now and at or nil
  if at > now then
    change(limits, ofType)
  end
  return at > now or account.running >= account.limit.concurrency
end

-- Returns the account of the type of this task; nil if the type has no limit.
local function limitedType(limits, envelope)
  local name = typeOf(envelope)
  local ofType = name and typeAccount(name)
  return limits.types[ofType] and ofType
end

-- Returns how many tasks of a type may start now.
local function typeRoom(limits, name)
  local ofType = typeAccount(name)
  -- `keyRoom` returns two values. The parentheses drop the second one.
  return limits.types and limits.types[ofType] and (keyRoom(limits, ofType)) or math.huge
end

-- Returns which limit refuses the task now: 'queue', 'key' or 'type'; nil if the task may start. ofType: the account of
-- its type, if the type has a limit. Tasks that cost 1 need no check, because an acquire looks at no more tasks than
-- the queue and the key have room for. After a key refused a task, it grants no later task in this call. The key is
-- checked before the queue: a refusal by the queue ends the call, and a task that its own key refuses must not delay
-- the tasks of other keys.
local function refusal(limits, terms, ofType)
  countLanes(limits)
  limits.isCostly = true
  local account = terms.key ~= '' and accountOf(limits, terms.key)
  if account and not account.refuses then
    local at = allowedAt(account, account.limit, terms.cost)
    account.refusedUntil = at > now and at or nil
    account.refuses = at > now or account.running >= account.limit.concurrency
    -- The tasks of this key took places in this call that tasks of other keys could have had. So the worker has to ask
    -- again.
    limits.more = limits.more or account.refuses
  end
  if account and account.refuses then
    return 'key'
  end
  if ofType and isTypeFull(limits, ofType, terms.cost) then
    if not (account and limits.ordered) then
      return 'type'
    end
    -- With strict order the task is not put aside, since later tasks of its key would overtake it. Instead its key
    -- pauses.
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
