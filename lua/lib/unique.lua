-- Unique keys (docs/adr/0034-unique-keys.md). The hash `unique` has an entry for each key: the task that was accepted
-- last for it, its "holder". The record of that task decides whether the task still holds the key. So a script that
-- ends a task need not remove the entry, and an old entry blocks nothing.
--
--   entry    <taskId>           the task holds the key until it has ended
--            <taskId> <until>   the task holds the key until that time, ms since the epoch, unless it ended without
--              completing
--            <taskId> <until or 0> <latest>   debounce: no enqueue moves the task to a time after `latest`, ms since
--              the epoch
--            <taskId> <until or 0> <latest or 0> <next>   keepLatest: the id of the task that waits for the end of this
--              task
--   option   u=<scope><onConflict>[<ms>],<key>   in the envelope; ms: the length of the window, or the longest wait of a
--            debounce
--   scope    w waiting  u unfinished  t window     onConflict   e existing  r reject  p replace  d debounce  l keepLatest

-- With keepLatest, a new task waits until the holder has ended. After this time it becomes due in any case, ms.
local NEXT_WAIT_MS = 31536000000
-- Returns the two parts of the unique option of an envelope: `<scope><onConflict>[<ms>]` and the key; nil for a task
-- without the option. Two plain searches are much faster than one pattern (hot path for calls with unique keys).
local function uniqueOption(envelope)
  local at = string.find(envelope, ' u=', 1, true)
  local headerEnd = at and string.find(envelope, '\n', 1, true)
  if not at or headerEnd and headerEnd < at then
    return nil
  end
  return string.match(envelope, '^(%l%l%d*),(%S+)', at + 3)
end

local function readTerms(text)
  local scope, onConflict, ms = string.match(text, '^(%l)(%l)(%d*)$')
  return { scope = scope, onConflict = onConflict, ms = tonumber(ms) }
end

-- Returns the unique option of an envelope as { key, scope, onConflict, ms }; nil for a task without the option.
local function uniqueTerms(envelope)
  local text, key = uniqueOption(envelope)
  local terms = text and readTerms(text)
  if terms then
    terms.key = key
  end
  return terms
end

-- Returns the state letter of a task (nil if there is no such task), and whether the task has another unique key or
-- none, because its id was used again after the entry was written.
local function stateFor(key, id, record)
  local letter = record and string.sub(record, 1, 1)
  if letter and not string.find(letter, '[pslc]') then
    return letter, false
  end
  local envelope = redis.call('HGET', tasksKey, id)
  if not envelope then
    return letter, false
  end
  local _, own = uniqueOption(envelope)
  return letter or (isScheduled(nil, envelope) and 's' or 'p'), own ~= key
end

-- Reads the task that waits for the end of the holder of a unique key (keepLatest). If the holder has ended, that task
-- becomes the holder. over: the holder that has ended; its field `~<taskId>` of `state` (lib/next.lua) may still be
-- there.
local function readNext(key, holder)
  local record = redis.call('HGET', stateKey, holder.next)
  local state, isOther = stateFor(key, holder.next, record)
  if not holder.state or not string.find(holder.state, '[psl]') then
    holder.over = holder.id
  end
  if isOther or not state or not string.find(state, '[psl]') then
    holder.next = nil
  elseif holder.over then
    holder.id, holder.next, holder.state, holder.record = holder.next, nil, state, record or ''
  end
end

-- Reads the holders of these unique keys. Returns them by key, and their number. A holder has the id, the record and
-- the state of its task, and the end of its window if there is one.
local function readHolders(keys)
  local holders, found, ids = {}, {}, {}
  for place, entry in ipairs(redis.call('HMGET', uniqueKey, unpack(keys))) do
    local id, ends, latest, following = string.match(entry or '', '^(%S+) ?(%d*) ?(%d*) ?(%S*)$')
    if id then
      local holder = { key = keys[place], id = id, ends = ends ~= '0' and tonumber(ends) or nil, latest = latest ~= '0' and tonumber(latest) or nil,
        next = following ~= '' and following or nil }
      holders[keys[place]], found[#found + 1], ids[#ids + 1] = holder, holder, id
    end
  end
  for place, record in ipairs(#ids > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}) do
    local holder = found[place]
    local state, isOther = stateFor(holder.key, holder.id, record)
    holder.record, holder.state = record or '', not isOther and state or nil
    if isOther then
      holder.ends = nil
    end
    if holder.next then
      readNext(holder.key, holder)
    end
  end
  return holders, #found
end

local function entryText(holder)
  if not (holder.ends or holder.latest or holder.next) then
    return holder.id
  end
  local text = holder.id .. string.format(' %.0f', holder.ends or 0)
  if holder.latest or holder.next then
    text = text .. string.format(' %.0f', holder.latest or 0)
  end
  return holder.next and text .. ' ' .. holder.next or text
end

-- Returns the state letter of the holder if it keeps the key against a new task with this scope; otherwise nil. The
-- letter is r if the holder was purged.
local function stillHolds(holder, scope)
  local state = holder.state
  if not holder.ends then
    return (state == 'p' or state == 's' or state == 'l' and scope ~= 'w') and state or nil
  elseif holder.ends <= now or state and string.find(state, '[dxek]') then
    return nil
  elseif state == 'r' and string.find(holder.record, '^r %d+ %S+ %S+ %a') then -- the holder ended without completing
    return nil
  end
  -- If there is no state, the task was purged. The window of a completed task may end later than that.
  return state or 'r'
end

-- Ends the windows of tasks whose records are gone, because nothing else ends these windows early. Called after the
-- commit. `envelopes`: envelopes or their headers, by id.
local function freeWindows(ids, envelopes)
  for _, id in ipairs(ids) do
    local terms = envelopes[id] and uniqueTerms(envelopes[id])
    local entry = terms and redis.call('HGET', uniqueKey, terms.key)
    if entry and string.match(entry, '^(%S+) [1-9]') == id then
      redis.call('HDEL', uniqueKey, terms.key)
    end
  end
end

-- Decides, for the tasks of one call in their order, which ones get their unique keys. `envelopes`: one per task. Hot
-- path for calls with unique keys: a table per task would double the time.
local function newUnique(envelopes)
  local unique = { owners = {}, holders = {} }
  -- `keys` and `terms` have one entry per task. Most tasks of a call have the same terms.
  local keys, terms, known = {}, {}, {}
  -- `asked`: the different keys. `isRepeated`: several tasks of the call have the same key. Only then `taken` has, by
  -- key, the task of this call that holds it.
  local asked, count, seen, taken, isRepeated = {}, 0, {}, {}, false
  for place, envelope in ipairs(envelopes) do
    local text, key = uniqueOption(envelope)
    if text then
      known[text] = known[text] or readTerms(text)
      keys[place], terms[place] = key, known[text]
      if seen[key] then
        isRepeated = true
      else
        count = count + 1
        asked[count], seen[key] = key, true
      end
    end
  end
  local held = 0
  if count > 0 then
    unique.holders, held = readHolders(asked)
  end
  -- Every task may take its key if no key is held, and no two tasks of the call have the same one.
  unique.isFree = not isRepeated and held == 0
  local written, windows, flagged, left = {}, {}, {}, {}

  -- Returns nil if the task may take its key, otherwise a letter and the state of the holder: o the answer names the
  -- holder; u the enqueue is refused; w the holder waits and is replaced; a the holder runs, and this task runs after
  -- it (only with canFollow).
  function unique.conflict(place, id, canFollow)
    local key = keys[place]
    local holder = key and (taken[key] or unique.holders[key])
    local state = holder and holder.id ~= id and stillHolds(holder, terms[place].scope)
    if not state then
      return nil
    end
    local onConflict = terms[place].onConflict
    if onConflict == 'l' and state == 'l' and not holder.next and canFollow then
      return 'a'
    end
    if onConflict == 'l' and holder.next then
      unique.owners[#unique.owners + 1] = holder.next
      return 'w', 's'
    end
    unique.owners[#unique.owners + 1] = holder.id
    if onConflict == 'p' or onConflict == 'd' or onConflict == 'l' then
      return (state == 'p' or state == 's') and 'w' or 'u', state
    end
    return onConflict == 'r' and 'u' or 'o', state
  end

  -- Called for an accepted task: it holds its key from now on. `state` is p or s.
  function unique.take(place, id, state)
    local key, own = keys[place], terms[place]
    if not key then
      return
    end
    local at, before = #written, unique.holders[key]
    written[at + 1], written[at + 2] = key, id
    if before and before.over then -- the new entry hides it from free_keys
      left[#left + 1] = '~' .. before.over
    end
    if own.scope == 't' then
      own.ends = own.ends or entryText({ id = '', ends = now + own.ms })
      windows[#windows + 1], windows[#windows + 2] = key, id .. own.ends
    elseif own.onConflict == 'd' then
      written[at + 2] = entryText({ id = id, latest = now + own.ms })
    end
    if isRepeated then
      taken[key] = { id = id, ends = own.scope == 't' and now + own.ms or nil, state = state, record = '' }
    end
  end

  -- Called when all tasks of the call were accepted as pending.
  function unique.takeAll(ids)
    for place, id in ipairs(ids) do
      unique.take(place, id, 'p')
    end
  end

  -- Lets the task wait for the end of the holder. Returns its envelope, changed into that of a scheduled task.
  function unique.follow(place, id, envelope)
    local key = keys[place]
    local holder = taken[key] or unique.holders[key]
    local c = parseCounts(holder.record)
    setFlag(c, FLAG_NEXT)
    flagged[#flagged + 1] = holder.id
    flagged[#flagged + 1] = string.gsub(holder.record, '^l[^%s@]+', 'l' .. countsText(c), 1)
    local due = string.format('%.0f', now + NEXT_WAIT_MS)
    flagged[#flagged + 1], flagged[#flagged + 2] = '~' .. holder.id, id .. ' ' .. due
    holder.next = id
    written[#written + 1], written[#written + 2] = key, entryText(holder)
    local header, payload = string.match(envelope, '^.([^\n]*)(.*)$')
    return '@' .. header .. ' r=' .. due .. payload
  end

  -- Writes the entries. Called before the commit: after an abort they name tasks that do not exist, and hold nothing.
  function unique.write()
    if #written > 0 then
      redis.call('HSET', uniqueKey, unpack(written))
    end
    if #flagged > 0 then
      redis.call('HSET', stateKey, unpack(flagged))
    end
    if #left > 0 then
      redis.call('HDEL', stateKey, unpack(left))
    end
  end

  -- Writes the entries with windows. Called after the commit, because a window holds even if the task does not exist.
  function unique.writeWindows()
    if #windows > 0 then
      redis.call('HSET', uniqueKey, unpack(windows))
    end
  end
  return unique
end
