#!lua
-- change: give tasks that wait another time, priority, key or payload. Refused at maxmemory, like an enqueue.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[9] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[10] cancelled  LIST  taskIds, newest first
-- KEYS[11] tasks  HASH  taskId -> envelope
-- KEYS[12] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[13] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[14] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[15] wake  CHANNEL
-- KEYS[16] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4] waitedBefore  integer  tasks that began to wait after this moment are not changed; 0 for no limit
-- ARGV[5] givenTime  string  when the tasks are due, ms since the epoch, or "+" and ms from now; "" to keep it
-- ARGV[6] givenPriority  string  "" to keep it; h, n or l
-- ARGV[7] givenKey  string  "" to keep it; "=" and the key, percent-encoded; "=" alone removes the key
-- ARGV[8] givenPayload  string  "" to keep it
-- ARGV[9..] taskId  string  repeated, at most 500 times
-- RETURNS a letter per task; then, for each w, a space and the id of the task whose end it waits for
--   p changed and pending, s changed and scheduled, P or S the same but nothing had to be changed, u unknown,
--   l c d x e not waiting (the letter of its record), n began to wait after waitedBefore, k its new key has too many
--   tasks, w waits for the end of another task, so its time cannot be changed, W waits for other nodes of its flow
-- TIME    O(n log s), n tasks given, s = tasks scheduled
--   O(LINE_LOOKED_AT) more for each line that tasks leave; O(p) more, p = tasks processing, if a key is full and
--   full=cancel
-- MOVES   pending -> scheduled; scheduled -> pending (a task that stays pending may move to another band or line);
--   pending -> cancelled

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/tombstones.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/known_ids.lua
-- include lib/bands.lua
-- include lib/limits.lua
-- include lib/stop.lua
-- include lib/ends.lua
-- include lib/policies.lua
-- include lib/unique.lua
-- include lib/due.lua
-- include lib/wake.lua

-- If a task leaves the line of its key, at most this many entries are searched for its entry. In a longer line the
-- entry stays as a tombstone, which an acquire removes.
local LINE_LOOKED_AT = 1000
local PRIORITIES = { h = 'h', l = 'l' }
local FIELDS = { 'runAt', 'priority', 'key', 'payload' }

-- 1. Read.
local ids = { unpack(ARGV, taskIdAt) }
local records = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot, '#limits', unpack(ids))
local settings = readSettings(records[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(records[3])
if refused then
  return refused
end
if previous then
  return previous
end
limits = newLimits(records[4], settings)
local counters = unpackCounters(records[1])
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local wanted = string.sub(givenTime, 1, 1) == '+' and now + tonumber(string.sub(givenTime, 2)) or tonumber(givenTime)
local texts = {}
for i = 1, #ids do
  texts[i] = wanted and envelopes[i] or ''
end
local holders = newUnique(texts).holders

-- Returns when the task began to wait, ms since the epoch: at its last attempt's end, its replay or its enqueue.
local function waitsSince(record, envelope)
  local last = record and string.match(record, '.*\n%d+ %d+ %S+ %d+ (%d+)')
  return tonumber(last) or enqueuedAt(envelope)
end

-- Returns the id of the task whose end this task waits for (lib/next.lua); nil if there is none.
local function followed(id, envelope)
  local terms = uniqueTerms(envelope)
  local holder = terms and holders[terms.key]
  return holder and holder.next == id and holder.id or nil
end

local function withOption(header, name, value)
  header = string.gsub(header, ' ' .. name .. '=%S+', '', 1)
  return value and header .. ' ' .. name .. '=' .. value or header
end

-- Returns the envelope with its changes. The time and the fingerprint (or the hash of the first payload) are kept,
-- because a repeated enqueue is compared with what was enqueued first.
local function changed(old)
  local header, body = string.match(old, '^.([^\n]*)(.*)$')
  if givenPriority ~= '' then
    header = withOption(header, 'p', PRIORITIES[givenPriority])
  end
  if givenKey ~= '' then
    header = withOption(header, 'q', givenKey ~= '=' and string.sub(givenKey, 2) or nil)
  end
  if givenPayload ~= '' and body ~= '\n' .. givenPayload then
    if not (option(old, 'h') or option(old, 'o')) then
      header = header .. ' o=' .. redis.sha1hex(bodyOf(old))
    end
    body = '\n' .. givenPayload
  end
  -- The first byte is kept, because it is the state of a task without a record until the commit.
  local flag = string.byte(old)
  return ((flag == ENVELOPE_SCHEDULED or flag == ENVELOPE_NODE) and string.char(flag) or '+') .. header .. body
end

-- Returns the history with one line that sums up all changes of the task: "0 <generation> changed <first time> <last
-- time> <instance> <number of changes> <trace context> <fields>".
local function historyWith(record, generation, isChanged)
  local history = historyOf(record)
  local before, first, count, fields, after = string.match(history, '^(.-)\n0 %d+ changed (%d+) %d+ %S+ (%d+) %S+ (%S+)(.*)$')
  local names = {}
  for _, name in ipairs(FIELDS) do
    names[#names + 1] = (isChanged[name] or fields and string.find(fields, name, 1, true)) and name or nil
  end
  -- The next attempt links to the trace context in the last line, so this line repeats that of the last attempt.
  local span = previousSpan(record)
  return (before and before .. after or roomIn(history)) .. string.format('\n0 %d changed %s %s %s %d %s %s', generation, first or nowText, nowText,
    string.match(requestSlot, '^#q:(%S+):%d+$') or '-', (count or 0) + 1, span == '' and '-' or span, table.concat(names, ','))
end

-- Returns the entry of a pending task in the line of its key, so that it can be removed; nil if the line is too long.
local lines = {}
local function entryOf(id, key, band)
  local line = key .. ' ' .. BAND_CODES[band]
  if not lines[line] then
    lines[line] = {}
    for _, member in ipairs(redis.call('ZRANGEBYLEX', pendingKeyedKey, '[' .. line .. ' ', '(' .. line .. '!', 'LIMIT', 0, LINE_LOOKED_AT)) do
      lines[line][string.match(member, '%S+$')] = member
    end
  end
  return lines[line][id]
end

local plans, letters, owners, seen = {}, {}, {}, {}

-- Plans the change of a waiting task. Returns the letter for the reply; nil if its new key accepts no more tasks.
local function plan(id, record, old, was)
  local envelope, c = changed(old), parseCounts(record or 'p0')
  local key, newKey = keyOption(old), keyOption(envelope)
  local at = was == 's' and math.floor(tonumber(redis.call('ZSCORE', scheduledKey, id) or now)) or nil
  local due = wanted or at
  due = due and (due > now or not wanted) and due or nil
  local isChanged = { runAt = wanted and (due or was == 's') and due ~= at, priority = option(old, 'p') ~= option(envelope, 'p'), key = key ~= newKey,
    payload = givenPayload ~= '' } -- true even for an equal payload, so that nobody can find out a payload by guessing
  if not (isChanged.runAt or isChanged.priority or isChanged.key or isChanged.payload) then
    return due and 'S' or 'P'
  end
  -- A task in `pending:typed` stays there, whatever its priority and key are. But its batch may start now (lib/fill.lua).
  local isAside = c.unroutedSince > 0
  local isMoved = was == 'p' and not due and (isChanged.key or bandOf(old, c) ~= bandOf(envelope, c))
  local leaves = was == 'p' and due or isMoved and not isAside
  if leaves and not due and newKey and isChanged.key and not admits(limits, newKey) then
    return nil
  end
  plans[#plans + 1] = { id = id, record = record, old = old, envelope = envelope, c = c, was = was, due = due, key = key, newKey = newKey,
    isChanged = isChanged, isAside = isAside, leaves = leaves, isPlaced = due and isChanged.runAt, isPushed = not due and (was == 's' or leaves), isMoved = isMoved }
  return due and 's' or 'p'
end

for i, id in ipairs(ids) do
  local record, old = records[i + 4] or nil, envelopes[i] or nil
  local letter = record and string.sub(record, 1, 1)
  local was = isPending(record, old) and 'p' or isScheduled(record, old) and 's' or nil
  local owner = was == 's' and wanted and followed(id, old)
  if seen[id] then
    letters[i] = seen[id]
  elseif not was then
    letters[i] = letter == 'w' and 'W' or letter and string.find(letter, '[lcdxe]') and (old or headerIn(record)) and letter or 'u'
  elseif waitedBefore > 0 and waitsSince(record, old) > waitedBefore then
    letters[i] = 'n'
  elseif owner then
    letters[i], owners[#owners + 1] = 'w', owner
  else
    letters[i] = plan(id, record, old, was) or 'k'
    seen[id] = letters[i] ~= 'k' and string.upper(letters[i])
  end
end
local reply = table.concat({ table.concat(letters), unpack(owners) }, ' ')
if #plans == 0 then
  return reply
end

local bands, due, stored, commit, unscheduled, members = newBands(), {}, {}, {}, {}, {}
local wakes, isKeyed = false, false
for _, plan in ipairs(plans) do
  local id, c = plan.id, plan.c
  if plan.leaves then
    local band = bandOf(plan.old, c)
    local member = plan.key and not plan.isAside and entryOf(id, plan.key, band)
    if member then
      members[#members + 1] = member
    else
      countTombstone(counters, plan.key and not plan.isAside and 'keyed' or band, plan.isAside, 1)
    end
  end
  if plan.isPlaced then
    due[#due + 1], due[#due + 2] = string.format('%.0f', plan.due), id
    c.unroutedSince = 0
  elseif plan.isPushed then
    addPending(bands, id, plan.envelope, c)
  end
  if plan.was == 's' and not plan.due then
    unscheduled[#unscheduled + 1] = id
    add(counters, PROMOTED_TOTAL, 1)
  end
  isKeyed = isKeyed or plan.newKey ~= nil
  wakes = wakes or plan.isPushed or plan.isMoved
  add(counters, plan.was == 'p' and PENDING or SCHEDULED, -1)
  add(counters, plan.due and SCHEDULED or PENDING, 1)
  stored[#stored + 1], stored[#stored + 2] = id, plan.envelope
  commit[#commit + 1] = id
  commit[#commit + 1] = (plan.due and 's' .. countsText(c) .. string.format(' %.0f', plan.due) .. (string.match(plan.record or '', '^s%S+ %d+( ~%S*)') or '') or 'p' .. countsText(c))
    .. historyWith(plan.record, c.generation, plan.isChanged)
end

-- 2. Write the targets: where the tasks go.
indexRequest(records[3], 's', requestSlot)
pushBands(bands, false)
if isKeyed and not limits.used then
  adoptLimits(settings)
end
local isSooner = false
if #due > 0 then
  isSooner = isFirstDue(placeDue(due))
  redis.call('ZADD', scheduledKey, unpack(due))
end
redis.call('HSET', tasksKey, unpack(stored))

-- 3. Commit: one HSET.
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  for _, plan in ipairs(plans) do
    events.note(EVENT_CHANGED, plan.id)
  end
  events.number()
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot, keptReply(sequence, reply), unpack(commit))

-- 4. Remove the sources. In any other list the entry of the task stays as a tombstone.
if #unscheduled > 0 then
  redis.call('ZREM', scheduledKey, unpack(unscheduled))
end
if #members > 0 then
  redis.call('ZREM', pendingKeyedKey, unpack(members))
end
if limits.full == 'cancel' and #bands.keyed > 0 then
  supersede(limits, counters, bands.keyed)
end
if (wakes or isSooner) and not settings.paused then
  wake()
end
if events then
  events.tell()
end
return reply
