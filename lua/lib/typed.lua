-- Tasks that wait for a worker with a handler for their type are in `pending:typed`, in lines by type. If a worker is
-- granted a task without having a handler for it, the task is "put aside": it moves to this index, and only a worker
-- that names this type in its call gets it. A task whose type has reached its limit is put aside too
-- (lib/accounts.lua). A worker names its types only while the index has entries. So a queue without limits of types,
-- whose workers run all types, never uses this code.
--
--   member     <band> <type> <sequence> <dieAt> <taskId>; every score is 0, so the members are in the order of their bytes
--   band       0 solo   1 high   2 normal   3 low
--   sequence   grows with each task that is put aside; 0 for a task that goes to the head of its line
--   dieAt      `reject` ends the task after this time, unless a registered worker runs its type. For a task that waits
--              because its type is full, it is HELD_FOR_EVER plus a number that grows with each task that is put aside

-- include lib/routes.lua
-- include lib/fill.lua

-- For a rule with a prefix, a call looks at this many types at most.
local PREFIX_TYPES = 64
-- A call looks at this many tasks of rules with batches at most, so that it stays fast. Lua cannot pass more than 8,000
-- ids to a command.
local BATCHED_TASKS = 2000

-- Returns whether the caller runs the task, and counts it if so. Any worker may get an unreadable type, to end the
-- task.
local function canRun(typed, envelope)
  local name = typeOf(envelope)
  if not name then
    return true
  end
  local rule = typed.ruleOf(name)
  if not rule or rule.left < 1 then
    return false
  end
  if rule.groups then
    local group = groupOf(rule, envelope)
    if group.left < 1 then
      return false
    end
    group.left = group.left - 1
  end
  rule.left = rule.left - 1
  return true
end

-- Returns whether the task was granted and handed back, and since then not promoted, retried or replayed. Such a task
-- is put at the head of the line of its type.
local function isBack(record, envelope, c)
  return record and c.generation == 0 and c.failures == 0
    and (c.attempts + c.crashes + c.releases + c.limited > 0 or string.byte(envelope) ~= ENVELOPE_SCHEDULED)
end

-- Plans to put a pending task aside, and stores in the counts of the task when it began to wait for a worker. The
-- caller writes the record. `isFull`: the task waits because its type has reached its limit, however long that takes.
-- `record`: the record before this call, nil if there is none; needed only with `isFull`.
local function standAside(typed, id, envelope, c, isFull, record)
  local members = typed.members
  typed.sequence = (typed.sequence or tonumber(redis.call('HGET', stateKey, '#typed') or 0)) + 1
  if c.unroutedSince == 0 and not isFull then
    c.unroutedSince = now
  end
  members[#members + 1] = '0'
  -- The new entry of a task must differ from an old one that is a tombstone, even at the head of the line.
  members[#members + 1] = string.format('%s %s %012.0f %.0f %s', BAND_CODES[bandOf(envelope, c)], typeOf(envelope),
    isFull and isBack(record, envelope, c) and 0 or typed.sequence,
    isFull and HELD_FOR_EVER + typed.sequence or c.unroutedSince + typed.noHandlerAfterMs, id)
end

-- Writes the entries, and adds the sequence to the commit. Called before the commit.
local function writeAside(typed, commit)
  if #typed.members > 0 then
    redis.call('ZADD', pendingTypedKey, unpack(typed.members))
    commit[#commit + 1], commit[#commit + 2] = '#typed', string.format('%.0f', typed.sequence)
  end
end

local function sequenceOf(member)
  return tonumber(string.match(member, '^%S+ %S+ (%d+)'))
end

local function typeRoomOf(name)
  return limits and limits.typeRoom(limits, name) or math.huge
end

-- Returns how many waiting tasks of a type to look at, at most `count`. If the limit of the type leaves room for a part
-- of a batch, the call still has to see a full one.
local function peekCount(rule, name, count)
  local room = typeRoomOf(name)
  return room >= 1 and rule.fill and count or math.min(count, room)
end

-- Returns the first members of one type in one band. `line` is "<band> <type>".
local function peekLine(line, count)
  return redis.call('ZRANGEBYLEX', pendingTypedKey, '[' .. line .. ' ', '(' .. line .. '!', 'LIMIT', 0, count)
end

-- Adds the first members of each type to which the rule with a prefix applies, in one band. The types are read in the
-- order of their names, beginning at `from`. Returns how many types had members, and whether there are more types.
local function peekPrefix(typed, rule, code, from, count, members)
  local found = 0
  for _ = 1, PREFIX_TYPES do
    local page = redis.call('ZRANGEBYLEX', pendingTypedKey, from, '(' .. code .. ' ' .. rule.name .. '\255', 'LIMIT', 0, count)
    if #page == 0 then
      return found, false
    end
    local line, name = string.match(page[1], '^(%S+ (%S+))')
    local room = typed.ruleOf(name) == rule and peekCount(rule, name, count) or 0
    if room >= 1 then
      found = found + 1
      for place, member in ipairs(page) do
        if place > room or string.sub(member, 1, #line + 1) ~= line .. ' ' then
          break
        end
        members[#members + 1] = member
      end
    end
    from = '[' .. line .. '!'
  end
  return found, true
end

-- Adds the members of all types of a rule. If there are too many types, each call begins at another one.
local function peekRule(typed, rule, code, count, members)
  local first, last = '[' .. code .. ' ' .. rule.name, '(' .. code .. ' ' .. rule.name .. '\255'
  local line = {}
  local found, more = peekPrefix(typed, rule, code, first, count, line)
  if more then
    local before = redis.call('ZLEXCOUNT', pendingTypedKey, '-', '(' .. code .. ' ' .. rule.name)
    local rank = before + now % redis.call('ZLEXCOUNT', pendingTypedKey, first, last)
    line = {}
    found = peekPrefix(typed, rule, code, '[' .. redis.call('ZRANGE', pendingTypedKey, rank, rank)[1], count, line)
  end
  for _, member in ipairs(line) do
    members[#members + 1] = member
  end
  return found
end

-- Returns, for each band, the first `want` members of each type that the caller runs, oldest first.
local function peekTyped(typed, want)
  local lines = {}
  for band, code in pairs(BAND_CODES) do
    local line, types = {}, 0
    if redis.call('ZLEXCOUNT', pendingTypedKey, '[' .. code .. ' ', '(' .. code .. '!') > 0 then
      for _, rule in ipairs(typed.rules) do
        local count = math.min(want, rule.left)
        local before = #line
        if count >= 1 and rule.lookedAt then
          count = rule.lookedAt
        end
        if count >= 1 and rule.isPrefix then
          types = types + peekRule(typed, rule, code, count, line)
        elseif count >= 1 then
          local most = peekCount(rule, rule.name, count)
          local members = most >= 1 and peekLine(code .. ' ' .. rule.name, most) or {}
          types = types + (#members > 0 and 1 or 0)
          for _, member in ipairs(members) do
            line[#line + 1] = member
          end
        end
        if rule.lookedAt then
          -- Counted apart, because they may have to wait for a full batch, and must not hide the tasks of other types.
          typed.besides = math.min(BATCHED_TASKS, typed.besides + #line - before)
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

-- `types`: the types that the caller named (lib/routes.lua); '' if it named none. Scripts include this file only in the
-- branch that needs types, so other code calls the functions as fields of the returned table.
local function newTyped(types, noHandlerAfterMs)
  local typed = { noHandlerAfterMs = noHandlerAfterMs, members = {}, besides = 0, sequence = nil, canRun = canRun, standAside = standAside, peek = peekTyped,
    write = writeAside }
  if types ~= '' then
    typed.rules, typed.ruleOf = routesOf(types)
    typed.waitToFill = readFills(typed.rules)
  end
  return typed
end
