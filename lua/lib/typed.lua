-- The index `pending:typed` has the tasks that only certain workers may take, in lines by type. The workers of a queue
-- may have handlers for different types. If a worker would be granted a task for which it has no handler, the task is
-- put aside: it moves to this index, and only a worker that sends its types and runs this one gets it. A task whose
-- type has no room under its limit is put aside too (lib/accounts.lua). A worker sends its types only while the index
-- has entries. So a queue without limits of types, whose workers run all types, never uses this code.
--
--   member     <band> <type> <sequence> <dieAt> <taskId>; every score is 0, so the members are in the order of their bytes
--   band       0 solo   1 high   2 normal   3 low
--   sequence   grows with each task that is put aside; 0 for a task that goes to the head of its line
--   dieAt      `reject` ends the task after this time, unless a registered worker runs its type. For a task that waits
--              because its type is full, it is HELD_FOR_EVER plus a number that grows with each task that is put aside

-- include lib/routes.lua
-- include lib/fill.lua

-- A rule with a prefix looks at no more than this many types in one call.
local PREFIX_TYPES = 64

-- Returns whether the caller takes the task, and counts the task if so. A task whose type cannot be read goes to any
-- worker, which quarantines it.
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

-- Returns whether the task was granted before and handed back, and was not promoted, retried or replayed since. Such a
-- task goes to the head of the line of its type.
local function isBack(record, envelope, c)
  return record and c.generation == 0 and c.failures == 0
    and (c.attempts + c.crashes + c.releases + c.limited > 0 or string.byte(envelope) ~= ENVELOPE_SCHEDULED)
end

-- Plans to put a pending task aside, and sets in its counts since when it has waited for a worker. The caller writes
-- the record. With `isFull`, the task waits until its type has room, however long that takes. `record` is the record
-- before this call; it is needed only with `isFull`, and is nil if there is none.
local function standAside(typed, id, envelope, c, isFull, record)
  local members = typed.members
  typed.sequence = (typed.sequence or tonumber(redis.call('HGET', stateKey, '#typed') or 0)) + 1
  if c.unroutedSince == 0 and not isFull then
    c.unroutedSince = now
  end
  members[#members + 1] = '0'
  -- If a task has two entries, one of them is counted as a tombstone. So no entry may be equal to an earlier one of the
  -- same task, even at the head of the line.
  members[#members + 1] = string.format('%s %s %012.0f %.0f %s', BAND_CODES[bandOf(envelope, c)], typeOf(envelope),
    isFull and isBack(record, envelope, c) and 0 or typed.sequence,
    isFull and HELD_FOR_EVER + typed.sequence or c.unroutedSince + typed.noHandlerAfterMs, id)
end

-- Called before the commit: writes the entries, and adds the sequence to the commit.
local function writeAside(typed, commit)
  if #typed.members > 0 then
    redis.call('ZADD', pendingTypedKey, unpack(typed.members))
    commit[#commit + 1], commit[#commit + 2] = '#typed', string.format('%.0f', typed.sequence)
  end
end

local function sequenceOf(member)
  return tonumber(string.match(member, '^%S+ %S+ (%d+)'))
end

-- Returns how many tasks of the type may start under its limit.
local function typeRoomOf(name)
  return limits and limits.typeRoom(limits, name) or math.huge
end

-- Returns the first members of one type in one band. `line` is "<band> <type>".
local function peekLine(line, count)
  return redis.call('ZRANGEBYLEX', pendingTypedKey, '[' .. line .. ' ', '(' .. line .. '!', 'LIMIT', 0, count)
end

-- Adds the first members of each type in a band to which `rule` applies. It looks at the types in the order of their
-- names, from `from` on. Returns how many types gave members, and whether there are more types.
local function peekPrefix(typed, rule, code, from, count, members)
  local found = 0
  for _ = 1, PREFIX_TYPES do
    local page = redis.call('ZRANGEBYLEX', pendingTypedKey, from, '(' .. code .. ' ' .. rule.name .. '\255', 'LIMIT', 0, count)
    if #page == 0 then
      return found, false
    end
    local line, name = string.match(page[1], '^(%S+ (%S+))')
    local room = typed.ruleOf(name) == rule and typeRoomOf(name) or 0
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

-- Adds the members of all types of a rule. If the rule covers more types than one call looks at, each call begins at a
-- different type, so that no type waits for ever.
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

-- Returns for each band the first `want` members of each type that the caller runs, oldest first.
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
          local most = math.min(count, typeRoomOf(rule.name))
          local members = most >= 1 and peekLine(code .. ' ' .. rule.name, most) or {}
          types = types + (#members > 0 and 1 or 0)
          for _, member in ipairs(members) do
            line[#line + 1] = member
          end
        end
        if rule.lookedAt then
          -- These tasks may have to wait for other tasks of their keys. While they wait, they must not hide the tasks
          -- of other types.
          typed.besides = typed.besides + #line - before
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

-- `types` is what the caller sent (lib/routes.lua); '' if it sent no types. Scripts include this file only in the
-- branch that needs types, so code outside the branch calls the functions as fields of the table.
local function newTyped(types, noHandlerAfterMs)
  local typed = { noHandlerAfterMs = noHandlerAfterMs, members = {}, besides = 0, sequence = nil, canRun = canRun, standAside = standAside, peek = peekTyped,
    write = writeAside }
  if types ~= '' then
    typed.rules, typed.ruleOf = routesOf(types)
    typed.waitToFill = readFills(typed.rules)
  end
  return typed
end
