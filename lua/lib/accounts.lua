-- Keys, limits and fairness. A task with a key waits in the line of its key, in `pending:keyed`:
--
--   member   <key> <band> <sequence> <taskId>     every score is 0, so the members are in the order of their bytes
--   band     0 solo   1 high   2 normal   3 low
--
-- `ready` holds the keys that may run now, so an acquire never reads the line of a key that may not. `resting` holds the keys for
-- which a time decides: their rate allows the next task at this time, a hold or a limit of their own ends, or their account can be
-- forgotten. A key
-- without room for one more running task is in neither. When one of its tasks ends, it becomes ready again.
-- An entry of `ready` is written before the commit and removed after it. So after an abort a key may be there that may not run, and the
-- next acquire removes it; but a key that may run is never missing.
--
-- An account is a field "@<key>" of `state`. The account of the queue is "@". Its turn is that of all tasks without a key.
--
--   account   running turn[~meanMs] tat heldUntil[ override]
--   running   leased tasks of the key; in the account of the queue: the turn of the task that was granted last
--   turn      when the key is next: each grant moves it by 1 / weight, and the lowest turn is granted first
--   meanMs    only with fair=time: about how long a task of the key runs. Then a grant moves the turn by meanMs / 10 / weight, and
--             the end of the task corrects it
--   tat       the theoretical arrival time of GCRA, ms since the epoch: the rate is used up as long as it lies too far ahead
--   override  concurrency rate periodMs burst weight until: the limit of this key instead of that of all keys, "-" for none
--
-- The limits are the field "#limits" of `state`, one line per scope: `<queue | key | type <name>> concurrency rate periodMs burst weight`.
-- The account of a type that has a line is the field "@ /<name>". A task of such a type is counted for it as well as for its key, and its record
-- names both. While its type has no room it stands aside (lib/typed.lua). A
-- line `policy[ name=value …]` says how the keys are treated:
--
--   ordered=1     a task that failed keeps its place, and the tasks of its key wait for it; one task of a key runs at a time
--   stop=1        a task that died holds its key until somebody lets it go on
--   full=drop     if as many tasks of the key run or wait as may run, a new one is refused
--   full=cancel   the same, but the new task is accepted, and the oldest ones of the key are cancelled
--   max=n         a new task is refused if n tasks of its key wait
--   fair=time     the keys share the time that their tasks run, not the number of starts
--
-- Each line `share <name> <version> concurrency rate periodMs burst` is the share of this queue in a limit of several queues, or in that of
-- the queue whose partition this is (operators/share.lua). Its account is the field "@ <name>".
-- "#limits" is there, if only as "", once the queue has had a task with a key. A change of the limits sets "#opening": the keys behind the one that it
-- names are not looked at yet under the new limits. The caller goes on until it is gone; where the caller died, a promotion does.

-- The score of a ready key is its turn, and this much more for each band before its own, so that the bands follow one another.
local BAND_SPAN = 2 ^ 43
-- The most keys that one call wakes.
local RESTING_LIMIT = 200
-- With fair=time, one turn stands for so much running time. Turns are compared to a thousandth, which is fine enough for tasks of 1 ms.
local TURN_MS = 10
-- With fair=time: a task is taken to run for so long, ms, until one has ended.
local UNKNOWN_RUN_MS = 100
-- With fair=time: how far a run that has just ended moves the mean.
local MEAN_PART = 0.125
-- Sequences count up from here at the end of a line, and down at its head. They always have 14 digits.
local FIRST_SEQUENCE = 5e13

-- The name of the account of a type, which no key can have.
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

-- Most turns are whole numbers, which are written faster.
local function numberText(number)
  return number % 1 == 0 and string.format('%d', number) or string.format('%.17g', number)
end

local function accountText(account)
  if account.tat == 0 and account.heldUntil == 0 and account.override == '' and not account.meanMs then
    local running, turn = account.running, account.turn
    if running % 1 == 0 and turn % 1 == 0 then -- nearly always: one text is made instead of three
      return string.format('%d %d 0 0', running, turn)
    end
    return numberText(running) .. ' ' .. numberText(turn) .. ' 0 0'
  end
  local meanMs = account.meanMs and string.format('~%.4g', account.meanMs) or ''
  return string.format('%.14g %.14g%s %.16g %.0f', account.running, account.turn, meanMs, account.tat, account.heldUntil)
    .. (account.override ~= '' and ' ' .. account.override or '')
end

-- Reads the accounts of these keys that were not read yet.
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

-- When a task of this cost may start under a limit, by the time alone. One that costs more than the burst starts when the rate is whole, and
-- what it took too much is paid back before the next one starts.
local function allowedAt(account, limit, cost)
  local at = limit.intervalMs > 0 and math.max(account.tat, now) + (math.min(cost, limit.burst) - 1) * limit.intervalMs - limit.aheadMs or 0
  return math.max(account.heldUntil, math.ceil(at))
end

-- How many tasks of cost 1 may start now; and if time decides, when the next one may.
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

-- How many tasks the queue as a whole may start now. The time at which it may start more goes to `nextAt`.
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

-- The accounts under which a task is counted, beside those of the queue: those of its key and of its type, each nil if it is not. counted: the
-- text in its record, see lib/record.lua.
local function accountsIn(counted)
  local key, name = string.match(counted, '^([^/]*)/?(.*)$')
  return key ~= '' and key or nil, name ~= '' and typeAccount(name) or nil
end

-- Gives the rate back that a grant took which nothing came of.
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

-- A type without a limit gets a line, so that its hold is looked at.
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

-- A task of the key died: with stop=1 no other one may start.
local function died(limits, key)
  if limits.stops then
    hold(limits, key, HELD_FOR_EVER)
  end
end

-- The dead task that stopped its key runs again.
local function goOn(limits, key)
  local account = change(limits, key)
  if account.heldUntil == HELD_FOR_EVER then
    account.heldUntil = 0
  end
end

-- Whether the account says nothing any more. How long its tasks run is known as long as some of them wait.
local function isIdle(account, key)
  return account.running == 0 and account.override == '' and account.heldUntil < HELD_FOR_EVER and not (account.meanMs and headOf(key))
end

-- Whether a time may decide about the key. None does about most keys.
local function isTimed(account)
  return account.tat > now or account.heldUntil > now or account.override ~= '' or account.refusedUntil
end

-- When to look at a key again: it may run then, its own limit ends, or its account can be forgotten. nil if no time decides.
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

-- Plans that a key is looked at again when its time comes.
local function rest(limits, key)
  local resting, at = limits.resting, nextLook(limits, key)
  if at then
    resting[#resting + 1], resting[#resting + 2] = string.format('%.0f', at), key
  end
  return at
end

-- An earlier time stays: the key is looked at again then.
local function writeResting(limits)
  if #limits.resting > 0 then
    redis.call('ZADD', restingKey, 'LT', unpack(limits.resting))
    limits.resting = {}
  end
end

local function bandCodeOf(member, key)
  return string.byte(member, #key + 2) - 48
end

-- By how much a grant moves the turn.
local function stepOf(limits, key, limit)
  if not limits.byTime then
    return 1 / limit.weight
  end
  local meanMs = accountOf(limits, key).meanMs or accountOf(limits, '').meanMs or UNKNOWN_RUN_MS
  return meanMs / TURN_MS / limit.weight
end

-- A key without an account joins as if it had had its turn just now. So it gains nothing where its account is forgotten between two tasks.
local function turnOf(limits, key, limit)
  local account, current = accountOf(limits, key), accountOf(limits, '').running
  return account.turn > 0 and math.max(account.turn, current) or current + stepOf(limits, key, limit)
end

local function readyScore(limits, key, code)
  return numberText(code * BAND_SPAN + turnOf(limits, key, accountOf(limits, key).limit))
end

-- Makes a key ready if it may run and a task of it waits.
local function open(limits, key)
  local head = keyRoom(limits, key) > 0 and headOf(key)
  if head then
    redis.call('ZADD', readyKey, 'LT', readyScore(limits, key, bandCodeOf(head, key)), key)
  end
  return head
end

-- Makes the keys behind `after` ready that may run, at most `limit` of them. Returns the last one, "" at the end.
local function openKeys(limits, after, limit)
  for _ = 1, limit do
    -- "!" is behind the space that ends a key, and before all that a longer key could go on with but "!".
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
  if after == '' then
    redis.call('HDEL', stateKey, '#opening')
  else
    redis.call('HSET', stateKey, '#opening', after)
  end
  return after
end

-- With fair=time: a grant can only guess how long its task will run. Now that the time is known, the turn is corrected.
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

-- Counts that leased tasks with the same text `counted` have left `processing`, all granted at one time; nil for tasks with neither key nor
-- limited type. The key is ready again from here on, also for the acquire of this very call.
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

-- Several groups of such tasks, each { counted, count, grantedAt }. Their accounts are read in one go.
local function releaseAll(limits, groups)
  local names = {}
  for _, group in pairs(groups) do
    local counted = group.counted
    if counted and string.find(counted, '/', 1, true) then
      local key, ofType = accountsIn(counted)
      names[#names + 1], names[#names + (key and 2 or 1)] = key or ofType, ofType
    else
      names[#names + 1] = counted
    end
  end
  loadAccounts(limits, names)
  for _, group in pairs(groups) do
    release(limits, group.counted, group.count, group.grantedAt)
  end
end

-- After all releases and before an acquire peeks.
local function openReleased(limits)
  for _, key in ipairs(limits.opened) do
    if not open(limits, key) then
      rest(limits, key)
    end
  end
  writeResting(limits)
end

-- Before the commit: puts pending tasks into the lines of their keys. entries: key, code of the band and id of each. atHead: they are next.
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

-- Wakes keys whose time has come: those that may run become ready, and accounts that say nothing any more are forgotten. Like a
-- promotion it is a whole transition.
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
    if account.hasEnded then -- its own limit: no time leads back to this key, so it goes here
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

-- When the next key may run, or the queue itself; ms from now, -1 if no time decides.
local function untilRoom(limits)
  local first = redis.call('ZRANGE', restingKey, 0, 0, 'WITHSCORES')[2]
  local at = math.min(limits.nextAt, first and tonumber(first) or math.huge)
  return at < math.huge and math.max(0, at - now) or -1
end

-- Before the commit: the accounts that changed go into it.
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

-- After the commit: keys that are held leave `ready`, and accounts that say nothing any more are forgotten, now or when their rate is whole
-- again.
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

-- The limits of types, by the names of their accounts; nil if no type has one.
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

-- The limits that hold for all tasks of the queue together: its own, and its shares. key: the name of the account that counts for it.
local function readWholes(limits, lines)
  limits.wholes = { { key = '', limit = limits.queue } }
  limits.concurrency = limits.queue.concurrency
  for name, text in string.gmatch(lines, '\nshare (%S+) %d+ ([^\n]+)') do
    local limit = parseLimit(text .. ' 1')
    limits.wholes[#limits.wholes + 1] = { key = ' ' .. name, limit = limit }
    limits.concurrency = math.min(limits.concurrency, limit.concurrency)
  end
end

-- text: the field "#limits"; nil if the queue has had neither a task with a key nor limits. The functions are part of the table, because
-- most calls of the hot scripts do without them.
-- text: its lines. isExtended: one was added. hasTypeRoom: a type that was full has room again. accounts: those that were read, by key. changed: keys whose account goes into the commit. opened: keys that have room again. held: keys
-- that are held from this call on. left, resting: changes of the two indexes. lined: keys that got tasks into their lines. nextAt: when the queue as a whole may start more.
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
