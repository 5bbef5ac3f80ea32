-- The policies for a task whose key has too many tasks: full=drop, full=cancel and max=n (lib/accounts.lua).

-- A cancelled task leaves its entry in its line. Only lines of up to this many entries are searched for such entries.
local COUNTED_LINE = 1000

-- Returns the entries of the waiting tasks of a key, latest first, and the records of these tasks by id. An enqueue
-- that was aborted and sent again leaves two entries of one task, of which only the later one is returned.
local function waitingIn(key)
  local members, records, seen, ids = {}, {}, {}, {}
  local line = redis.call('ZRANGEBYLEX', pendingKeyedKey, '[' .. key .. ' ', '(' .. key .. '!', 'LIMIT', 0, COUNTED_LINE)
  for place, member in ipairs(line) do
    ids[place] = string.match(member, '%S+$')
  end
  local found = #ids > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}
  for place = #line, 1, -1 do
    local id, record = ids[place], found[place] or nil
    local isWaiting = record and string.byte(record) == RECORD_PENDING or not record and redis.call('HEXISTS', tasksKey, id) == 1
    if isWaiting and record and string.find(record, ' changed ', 1, true) then -- its entry may be one that a change left behind
      isWaiting = keyOption(redis.call('HGET', tasksKey, id) or '.') == key
    end
    if isWaiting and not seen[id] then
      members[#members + 1], records[id], seen[id] = line[place], record, true
    end
  end
  return members, records
end

-- Returns whether the key accepts one more task. The next call counts that task as waiting.
local function admits(limits, key)
  if limits.full ~= 'drop' and not limits.maxWaiting then
    return true
  end
  local account = accountOf(limits, key)
  if not account.admitted then
    local most = limits.full == 'drop' and account.limit.concurrency - account.running or math.huge
    account.lined = redis.call('ZLEXCOUNT', pendingKeyedKey, '[' .. key .. ' ', '(' .. key .. '!')
    account.admitted = math.min(most, limits.maxWaiting or math.huge) - account.lined
  end
  account.admitted = account.admitted - 1
  if account.admitted < 0 and account.lined and account.lined <= COUNTED_LINE then -- about to refuse the task, so the count has to be exact
    account.admitted, account.lined = account.admitted + account.lined - #waitingIn(key), nil
  end
  return account.admitted >= 0
end

-- Returns the running tasks of a key that are not being cancelled: their ids, oldest first, and their records by id.
local function runningOf(key)
  local ids, records, began = {}, {}, {}
  for at = 0, redis.call('ZCARD', processingKey) - 1, 500 do
    local leased = redis.call('ZRANGE', processingKey, at, at + 499)
    for place, record in ipairs(redis.call('HMGET', stateKey, unpack(leased))) do
      if record and leasedKey(record) == key and not hasFlag(parseCounts(record), FLAG_CANCEL) then
        local _, grantedAt = parseLease(record)
        ids[#ids + 1], records[leased[place]], began[leased[place]] = leased[place], record, tonumber(grantedAt)
      end
    end
  end
  table.sort(ids, function(a, b)
    return began[a] < began[b]
  end)
  return ids, records
end

local function sequenceOf(member)
  return string.match(member, '(%d+) %S+$')
end

-- Applies full=cancel, with a commit of its own. Called after the commit of the enqueue. If a key has more tasks than
-- may run, its oldest waiting tasks are cancelled, and the workers of its oldest running tasks are asked to stop them.
local function supersede(limits, counters, entries)
  local cancelled, members, commit, seen = {}, {}, {}, {}
  local keys = {}
  for _, entry in ipairs(entries) do
    keys[#keys + 1], seen[entry.key] = not seen[entry.key] and entry.key or nil, true
  end
  for _, key in ipairs(keys) do
    local account = accountOf(limits, key)
    local waiting, records = waitingIn(key)
    table.sort(waiting, function(a, b)
      return sequenceOf(a) < sequenceOf(b)
    end)
    for place = 1, #waiting - account.limit.concurrency do
      local id = string.match(waiting[place], '%S+$')
      local c = parseCounts(records[id] or 'p0')
      if option(redis.call('HGET', tasksKey, id) or '.', 'h') then
        setFlag(c, FLAG_GIVEN)
      end
      cancelled[#cancelled + 1], members[#members + 1] = id, waiting[place]
      if hasFlag(c, FLAG_NODE) then
        addEnd(id, 'x', c)
      end
      if events then
        events.note(EVENT_CANCELLED, id)
      end
      commit[#commit + 1], commit[#commit + 2] = id, 'x' .. countsText(c) .. ' ' .. nowText .. historyOf(records[id])
    end
    if account.running > 0 and account.running + #waiting > account.limit.concurrency then
      local ids, leased = runningOf(key)
      for place = 1, #ids - math.max(0, account.limit.concurrency - #waiting) do
        commit[#commit + 1], commit[#commit + 2] = ids[place], askToStop(ids[place], leased[ids[place]])
      end
    end
  end
  if #commit == 0 then
    return
  end
  if #cancelled > 0 then
    redis.call('LPUSH', cancelledKey, unpack(cancelled))
    add(counters, PENDING, -#cancelled)
    add(counters, CANCELLED, #cancelled)
    add(counters, CANCELLED_TOTAL, #cancelled)
    commit[#commit + 1], commit[#commit + 2] = '#counters', packCounters(counters)
  end
  if ends then
-- include lib/note_ends.lua
    noteEnds(commit, 0)
  end
  if events then
    events.number()
  end
  redis.call('HSET', stateKey, unpack(commit))
  if #members > 0 then
    redis.call('ZREM', pendingKeyedKey, unpack(members))
  end
end
