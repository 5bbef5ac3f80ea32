-- Lines by type. The workers of a queue may have handlers for different types. A task that one of them meets and has no
-- handler for stands aside in `pending:typed`, and is granted only to a worker that says that it runs the type. So does a task whose type
-- has no room under its limit (lib/accounts.lua). A worker sends its types only while such tasks are about, so a queue whose workers run all
-- types, without limits of types, never comes here.
--
--   member   <band> <type> <sequence> <dieAt> <taskId>     every score is 0, so the members are in the order of their bytes
--   band     0 solo   1 high   2 normal   3 low
--   dieAt    from then on `reject` ends the task, unless a registered worker runs its type

local function typeOf(envelope)
  return string.match(envelope, '^.(%S+)')
end

-- A task whose type cannot be read goes to any worker, which quarantines it.
local function canRun(typed, envelope)
  local name = typeOf(envelope)
  return not name or typed.runs[name]
end

-- Whether the task was taken before and handed back, and was not promoted, retried or replayed: then it is the next one of its type.
local function isBack(record, envelope, c)
  return record and c.generation == 0 and c.failures == 0
    and (c.attempts + c.crashes + c.releases + c.limited > 0 or string.byte(envelope) ~= ENVELOPE_SCHEDULED)
end

-- Plans the entry of a pending task, and notes in its counts since when it has waited for a worker. The caller writes the record.
-- isFull: it waits for room of its type, for as long as that takes. record: before this call, needed with isFull; nil if it has none.
local function standAside(typed, id, envelope, c, isFull, record)
  local members, sequence = typed.members, 0
  if not (isFull and isBack(record, envelope, c)) then
    typed.sequence = (typed.sequence or tonumber(redis.call('HGET', stateKey, '#typed') or 0)) + 1
    sequence = typed.sequence
  end
  if c.unroutedSince == 0 and not isFull then
    c.unroutedSince = now
  end
  members[#members + 1] = '0'
  members[#members + 1] = string.format('%s %s %012.0f %.0f %s', BAND_CODES[bandOf(envelope, c)], typeOf(envelope), sequence,
    isFull and HELD_FOR_EVER or c.unroutedSince + typed.noHandlerAfterMs, id)
end

-- Before the commit. The sequence goes into it.
local function writeAside(typed, commit)
  if #typed.members > 0 then
    redis.call('ZADD', pendingTypedKey, unpack(typed.members))
    if typed.sequence then
      commit[#commit + 1], commit[#commit + 2] = '#typed', string.format('%.0f', typed.sequence)
    end
  end
end

local function sequenceOf(member)
  return tonumber(string.match(member, '^%S+ %S+ (%d+)'))
end

-- The first `want` members of each band whose type the caller runs, oldest first.
local function peekTyped(typed, want)
  local lines = {}
  for band, code in pairs(BAND_CODES) do
    local line, types = {}, 0
    if redis.call('ZLEXCOUNT', pendingTypedKey, '[' .. code .. ' ', '(' .. code .. '!') > 0 then
      for _, name in ipairs(typed.names) do
        local from, most = code .. ' ' .. name, limits and math.min(want, limits.typeRoom(limits, name)) or want
        local members = most > 0 and redis.call('ZRANGEBYLEX', pendingTypedKey, '[' .. from .. ' ', '(' .. from .. '!', 'LIMIT', 0, most) or {}
        types = types + (#members > 0 and 1 or 0)
        for _, member in ipairs(members) do
          line[#line + 1] = member
        end
      end
    end
    if types > 1 then
      table.sort(line, function(a, b)
        return sequenceOf(a) < sequenceOf(b)
      end)
    end
    lines[band] = line
  end
  return lines
end

-- types: '' if the caller did not send its types; otherwise the types that it runs, with a space before each. The functions are
-- part of the table, because only the calls that need them define them.
local function newTyped(types, noHandlerAfterMs)
  local typed = { noHandlerAfterMs = noHandlerAfterMs, runs = types ~= '' and {} or nil, names = {}, members = {}, sequence = nil,
    canRun = canRun, standAside = standAside, peek = peekTyped, write = writeAside }
  for name in string.gmatch(types, '%S+') do
    typed.runs[name] = true
    typed.names[#typed.names + 1] = name
  end
  return typed
end
