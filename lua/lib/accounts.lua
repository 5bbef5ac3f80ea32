-- Keys, limits and fairness. A task with a key waits in `pending:keyed`. The entries of one key are its "line":
--
--   member   <key> <band> <sequence> <taskId>     every score is 0, so the members are in the order of their bytes
--   band     0 solo   1 high   2 normal   3 low       ("solo" is for tasks that have to run alone)
--
-- `ready` has the keys that may run a task now, so an acquire never reads the line of any other key. `resting` has the
-- keys that have to be checked again at a known time: when their rate allows the next task, when a hold or a limit of
-- their own ends, or when their account can be deleted. A key that runs as many tasks as it may is in neither index. It
-- is added to `ready` when one of its tasks ends. An entry of `ready` is added before the commit and removed after it.
-- So after an aborted script `ready` may have a key that may not run, which the next acquire removes. A key that may
-- run is never missing.
--
-- Each key has an account: the field "@<key>" of `state`. The account of the whole queue is the field "@", and its turn
-- belongs to the tasks without a key.
--
--   account   running turn[~meanMs] tat heldUntil[ override]
--   running   leased tasks of the key; in the account of the queue: the turn of the task that was granted last
--   turn      the order of the keys: the key with the lowest turn is granted first. Each grant adds 1 / weight to it
--   meanMs    only with fair=time: the mean running time of the key's tasks. A grant then adds meanMs / 10 / weight to
--             the turn. The end of the task corrects the turn
--   tat       the theoretical arrival time of GCRA (the rate algorithm), ms since the epoch. No task may start while
--             it is further in the future than the burst allows
--   override  the limit of this key instead of the limit of all keys: `concurrency rate periodMs burst weight until`,
--             with "-" for no limit
--
-- The limits are the field "#limits" of `state`, one line per scope: `<queue | key | type <name>> concurrency rate
-- periodMs burst weight`. The account of a type that has a line is the field "@ /<name>". A task of that type counts
-- for its key and for its type, and its record names both. While the type is full, its tasks are put aside
-- (lib/typed.lua). A line `policy[ name=value …]` says how the keys are treated:
--
--   ordered=1     a task that failed keeps its place, and the tasks of its key wait for it; one task of a key runs at a time
--   stop=1        a task that died holds its key until somebody lets it go on
--   full=drop     a new task is refused if its key has as many tasks, running or waiting, as may run at once
--   full=cancel   a new task is always accepted; if its key then has too many tasks, the oldest ones are cancelled
--   max=n         a new task is refused if n tasks of its key wait
--   fair=time     the keys share the time that their tasks run, not the number of starts
--
-- Each line `share <name> <version> concurrency rate periodMs burst` is the share of this queue in a limit that several
-- queues share, or in the limit of the partitioned queue to which this queue belongs (operators/share.lua). The account
-- of a share is the field "@ <name>".
-- "#limits" exists, perhaps as "", since the first task with a key. After a change of the limits, the keys have to be
-- checked one after the other: the field "#opening" of `state` holds the key that was checked last. The caller repeats
-- its call until the field is gone. If the caller died, the next promotions check the other keys.

-- The score of a key in `ready` is its turn plus BAND_SPAN times its band, so that higher bands come first.
local BAND_SPAN = 2 ^ 43
-- One call checks at most this many resting keys.
local RESTING_LIMIT = 200
-- With fair=time, the turn of a key with weight 1 grows by 1 for every TURN_MS that its tasks run. Turns are rounded to
-- 1/1024 (lib/turns.lua), which is precise enough for tasks of 1 ms.
local TURN_MS = 10
-- With fair=time: how long a task is assumed to run while no task of the queue has ended yet, ms.
local UNKNOWN_RUN_MS = 100
-- With fair=time: how much the last task counts in the mean running time of its key.
local MEAN_PART = 0.125
-- A task at the end of a line gets a higher sequence than the task before it. A task that is put at the head gets a
-- lower one than the task behind it. The first task gets FIRST_SEQUENCE + 1. All sequences have 14 digits.
local FIRST_SEQUENCE = 5e13

-- Returns the name of the account of a task type. A key cannot have this name, because keys contain no space.
local function typeAccount(name)
  return ' /' .. name
end

local function isOfType(key)
  return string.byte(key, 2) == 47 and string.byte(key) == 32 -- space, slash
end

local function parseLimit(text)
  local concurrency, rate, periodMs, burst, weight = string.match(text or '- - 0 0 1', '^(%S+) (%S+) (%d+) (%d+) (%S+)')
  local intervalMs = rate ~= '-' and tonumber(periodMs) / tonumber(rate) or 0
  return { concurrency = tonumber(concurrency) or math.huge, intervalMs = intervalMs, aheadMs = (tonumber(burst) - 1 + RATE_LATE) * intervalMs,
    burst = rate ~= '-' and tonumber(burst) or math.huge, weight = tonumber(weight) }
end

local function parseAccount(limits, text)
  if not text then
    return { running = 0, turn = 0, tat = 0, heldUntil = 0, override = '', limit = limits.key }
  end
  local running, turn, tat, heldUntil, override = string.match(text, '^(%S+) (%S+) (%S+) (%d+) ?(.*)$')
  local account = { running = tonumber(running), turn = tonumber(turn), tat = tonumber(tat), heldUntil = tonumber(heldUntil), override = override, limit = limits.key }
  if not account.turn then
    local plain, meanMs = string.match(turn, '^(.+)~(.+)$')
    account.turn, account.meanMs = tonumber(plain), tonumber(meanMs)
  end
  if override ~= '' then
    local untilMs = tonumber(string.match(override, '%d+$'))
    if untilMs > 0 and untilMs <= now then
      account.override, account.hasEnded = '', true
    else
      account.limit, account.overrideUntil = parseLimit(override), untilMs > 0 and untilMs or nil
      if limits.ordered then
        account.limit.concurrency = 1
      end
    end
  end
  return account
end

-- Most turns are whole numbers, for which %d is faster than %.17g.
local function numberText(number)
  return number % 1 == 0 and string.format('%d', number) or string.format('%.17g', number)
end

local function accountText(account)
  if account.tat == 0 and account.heldUntil == 0 and account.override == '' and not account.meanMs then
    local running, turn = account.running, account.turn
    if running % 1 == 0 and turn % 1 == 0 then -- nearly always true, and makes one string instead of three
      return string.format('%d %d 0 0', running, turn)
    end
    return numberText(running) .. ' ' .. numberText(turn) .. ' 0 0'
  end
  local meanMs = account.meanMs and string.format('~%.4g', account.meanMs) or ''
  return string.format('%.14g %.14g%s %.16g %.0f', account.running, account.turn, meanMs, account.tat, account.heldUntil)
    .. (account.override ~= '' and ' ' .. account.override or '')
end

-- Reads the accounts of these keys, unless this call has read them before.
local function loadAccounts(limits, keys)
  local missing, fields = {}, {}
  for _, key in ipairs(keys) do
    if not limits.accounts[key] then
      missing[#missing + 1], fields[#fields + 1] = key, '@' .. key
      limits.accounts[key] = false
    end
  end
  if #fields > 0 then
    local texts = redis.call('HMGET', stateKey, unpack(fields))
    for i, key in ipairs(missing) do
      limits.accounts[key] = parseAccount(limits, texts[i])
      if limits.types and limits.types[key] then
        limits.accounts[key].limit = limits.types[key]
      end
    end
  end
end

local function accountOf(limits, key)
  if not limits.accounts[key] then
    loadAccounts(limits, { key })
  end
  return limits.accounts[key]
end

-- Returns when the rate and the hold of an account allow a task of this cost to start, ms since the epoch. A task that
-- costs more than the burst may start when the whole burst is free; the rest of its cost delays the next task.
local function allowedAt(account, limit, cost)
  local at = limit.intervalMs > 0 and math.max(account.tat, now) + (math.min(cost, limit.burst) - 1) * limit.intervalMs - limit.aheadMs or 0
  return math.max(account.heldUntil, math.ceil(at))
end

-- Returns how many tasks of cost 1 may start now. If a rate or a hold allows none, also returns when one may.
local function roomOf(account, limit, running)
  if account.heldUntil > now then
    return 0, account.heldUntil < HELD_FOR_EVER and account.heldUntil or nil
  end
  local room = limit.concurrency - running
  if room <= 0 then
    return 0
  end
  if limit.intervalMs > 0 then
    local ahead = math.max(account.tat, now) - now
    if ahead > limit.aheadMs then
      return 0, math.ceil(account.tat - limit.aheadMs)
    end
    room = math.min(room, math.floor((limit.aheadMs - ahead) / limit.intervalMs) + 1)
  end
  return room
end

local function keyRoom(limits, key)
  local account = accountOf(limits, key)
  return roomOf(account, account.limit, account.running)
end

-- Returns how many tasks the queue may start now. If a rate or a hold allows none, sets `limits.nextAt`.
local function queueRoom(limits, processing)
  local room = math.huge
  for _, whole in ipairs(limits.wholes) do
    local own, at = roomOf(accountOf(limits, whole.key), whole.limit, processing)
    room = math.min(room, own)
    if own == 0 and at then
      limits.nextAt = math.min(limits.nextAt, at)
    end
  end
  return room
end

local function change(limits, key)
  local account = accountOf(limits, key)
  if not account.changed then
    account.changed = true
    limits.changed[#limits.changed + 1] = key
  end
  return account
end

-- Returns the names of the two accounts that count a leased task: of its key and of its type; nil if there is none.
-- `counted` is the text after the @ in the record of the task (lib/record.lua).
local function accountsIn(counted)
  local key, name = string.match(counted, '^([^/]*)/?(.*)$')
  return key ~= '' and key or nil, name ~= '' and typeAccount(name) or nil
end

-- Gives back to the rates what a grant has used, because the attempt never began.
local function refund(limits, counted, cost)
  for _, whole in ipairs(limits.wholes) do
    local account = change(limits, whole.key)
    account.tat = math.max(0, account.tat - cost * whole.limit.intervalMs)
  end
  local key, ofType = accountsIn(counted)
  for _, name in pairs({ key, ofType }) do
    local account = change(limits, name)
    account.tat = math.max(0, account.tat - cost * account.limit.intervalMs)
  end
end

local function hold(limits, key, untilMs)
  local account = change(limits, key)
  account.heldUntil = math.max(account.heldUntil, untilMs)
  if key ~= '' then
    limits.held[#limits.held + 1] = key
  end
end

-- Holds a type. Scripts find its hold only by a line in "#limits", so a type without one gets a line without limit.
local function holdType(limits, name, untilMs)
  local key = typeAccount(name)
  if not (limits.types and limits.types[key]) then
    limits.text = limits.text .. (limits.text == '' and '' or '\n') .. 'type ' .. name .. ' - - 0 0 1'
    limits.types, limits.isExtended = limits.types or {}, true
    limits.types[key] = parseLimit(nil)
  end
  hold(limits, key, untilMs)
end

local function headOf(key)
  return redis.call('ZRANGEBYLEX', pendingKeyedKey, '[' .. key .. ' ', '(' .. key .. '!', 'LIMIT', 0, 1)[1]
end

-- With stop=1, a key is held when one of its tasks dies: no other task of the key may start.
local function died(limits, key)
  if limits.stops then
    hold(limits, key, HELD_FOR_EVER)
  end
end

-- Ends the hold that `died` has set, because the dead task runs again.
local function goOn(limits, key)
  local account = change(limits, key)
  if account.heldUntil == HELD_FOR_EVER then
    account.heldUntil = 0
  end
end
