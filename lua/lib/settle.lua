-- The reading half of a settle: what each verdict does to its task. The calling script writes.

-- completed, gone: what leaves `processing` by an ack, and otherwise. The records go to the end of `commit`. envelopes: of the
-- tasks that may be retried without a wait.
local function newSettled(commit, envelopes)
  return { commit = commit, envelopes = envelopes, size = #commit, gone = {}, completed = {}, acked = 0, cancelled = {}, scheduled = {},
    dead = {}, results = {}, bands = newBands(), again = newBands(), heads = {}, tails = {}, dropped = {} }
end

local function write(settled, id, record)
  local size = settled.size
  settled.commit[size + 1], settled.commit[size + 2] = id, record
  settled.size = size + 2
end

local function put(settled, id, record)
  settled.gone[#settled.gone + 1] = id
  write(settled, id, record)
end

-- For each ack, so without a call of `write`.
local function complete(settled, id, record)
  local acked, size, commit = settled.acked + 1, settled.size + 2, settled.commit
  settled.acked, settled.size = acked, size
  settled.completed[acked] = id
  commit[size - 1], commit[size] = id, record
  return 'a'
end

-- history, err: of what `appendAttempt` gave.
local function planCancelled(settled, counters, id, c, history, err)
  settled.cancelled[#settled.cancelled + 1] = id
  add(counters, CANCELLED, 1)
  add(counters, CANCELLED_TOTAL, 1)
  clearFlag(c, 'x')
  put(settled, id, 'x' .. countsText(c) .. ' ' .. nowText .. history .. err)
  return 'c'
end

local function planDead(settled, counters, id, c, reason, history, err)
  settled.dead[#settled.dead + 1] = nowText
  settled.dead[#settled.dead + 1] = id
  add(counters, DEAD, 1)
  add(counters, DEAD_TOTAL, 1)
  put(settled, id, 'd' .. countsText(c) .. ' ' .. nowText .. ' ' .. reason .. history .. err)
  return 'd'
end

local function planScheduled(settled, counters, id, c, delayMs, history, err)
  local due = string.format('%.0f', now + delayMs)
  settled.scheduled[#settled.scheduled + 1] = due
  settled.scheduled[#settled.scheduled + 1] = id
  add(counters, SCHEDULED, 1)
  put(settled, id, 's' .. countsText(c) .. ' ' .. due .. history .. err)
  return 'r'
end

-- By id, in one call.
local function envelopesOf(ids)
  local byId = {}
  if #ids > 0 then
    local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
    for i, id in ipairs(ids) do
      byId[id] = envelopes[i] or nil
    end
  end
  return byId
end

-- A retry without a wait goes straight to the end of its band.
local function planAgain(settled, counters, id, c, history, err)
  local band = settled.again[bandOf(settled.envelopes[id] or '.', c)]
  band[#band + 1] = id
  settled.queuedAgain = true
  add(counters, PENDING, 1)
  put(settled, id, 'p' .. countsText(c) .. history .. err)
  return 'r'
end

-- One verdict other than ack, on a record whose token was checked.
local function planVerdict(settled, counters, id, record, verdict, delayMs, text, noHandlerAfterMs)
  local c = parseCounts(record)
  local _, _, _, maxAttempts = parseLease(record)
  local cancelled = hasFlag(c, 'x')
  add(counters, PROCESSING, -1)

  if verdict == 'fail' or verdict == 'fatal' or verdict == 'quarantine' then
    c.failures = c.failures + 1
    c.unroutedSince = 0
    add(counters, FAILED_TOTAL, 1)
    local history, err = appendAttempt(record, c, verdict == 'quarantine' and 'quarantined' or 'failed', text)
    if cancelled then
      return planCancelled(settled, counters, id, c, history, err)
    elseif verdict == 'fail' and c.attempts < maxAttempts then
      add(counters, RETRIED_TOTAL, 1)
      if delayMs == 0 then
        return planAgain(settled, counters, id, c, history, err)
      end
      return planScheduled(settled, counters, id, c, delayMs, history, err)
    end
    local reason = verdict == 'fatal' and 'fatal' or verdict == 'quarantine' and 'undecodable' or 'retries_exhausted'
    return planDead(settled, counters, id, c, reason, history, err)
  end

  if verdict == 'unrouted' then
    if c.unroutedSince == 0 then
      c.unroutedSince = now
    end
    if cancelled then
      return planCancelled(settled, counters, id, c, appendAttempt(record, c, 'unrouted', text))
    elseif now - c.unroutedSince >= noHandlerAfterMs then
      return planDead(settled, counters, id, c, 'no_handler', appendAttempt(record, c, 'unrouted', text))
    end
    c.attempts = c.attempts - 1
    planScheduled(settled, counters, id, c, delayMs, historyOf(record), '')
    return 'l'
  end

  -- release: the attempt is refunded, but not for ever. One that was never begun always is.
  if verdict == 'release' then
    c.releases = c.releases + 1
  end
  add(counters, RELEASED_TOTAL, 1)
  if cancelled then
    return planCancelled(settled, counters, id, c, appendAttempt(record, c, 'released', text))
  end
  local history = historyOf(record)
  if verdict == 'release' and c.releases > RELEASES_REFUNDED then
    history = table.concat({ appendAttempt(record, c, 'released', text) })
    if c.attempts >= maxAttempts then
      return planDead(settled, counters, id, c, 'releases_exhausted', history, '')
    end
  else
    c.attempts = c.attempts - 1
  end
  local band = settled.bands[bandOf(redis.call('HGET', tasksKey, id) or '.', c)]
  band[#band + 1] = id
  add(counters, PENDING, 1)
  put(settled, id, 'p' .. countsText(c) .. history)
  return 'l'
end

-- An ack whose task is no longer leased under this token: acked before (a repeat), gone, or somebody else's.
local function verdictWithoutLease(counters, record, token)
  if token and record and string.match(record, '^c%S+ (%S+)') == token then
    return 'a'
  end
  if not record or string.byte(record) == 114 then
    return 'u'
  end
  add(counters, STALE_TOTAL, 1)
  return 's'
end

local byte, find, sub = string.byte, string.find, string.sub
local function planAck(settled, counters, id, token, record)
  -- The hot path: a record is cut, not parsed. What stands behind the token is the same for all tasks of one grant, so
  -- what it becomes is made once; no record of another form has the token there.
  local letter, attempts, space = byte(record or '', 1, 3)
  if letter == 108 and space == 32 and find(record, token, 4, true) == 4 then
    local leased = sub(record, 4 + #token)
    local head, ended = settled.heads[attempts], settled.tails[leased]
    if not head then
      head = 'c' .. string.char(attempts) .. ' '
      settled.heads[attempts] = head
    end
    if ended == nil then
      local grantedAt, worker = string.match(leased, '^( %d+ )%d+ %d+( .*)$')
      ended = grantedAt and grantedAt .. nowText .. worker or false
      settled.tails[leased] = ended
    end
    if ended then
      return complete(settled, id, head .. token .. ended)
    end
  end
  local counts, current, grantedAt, at = string.match(record or '', '^l(%S+) (%S+) (%d+) %d+ %d+ ()')
  if current ~= token then
    return verdictWithoutLease(counters, record, token)
  end
  if string.find(counts, '[xk]') then
    local c = parseCounts(record)
    local drops, given = hasFlag(c, 'k'), hasFlag(c, 'h')
    clearFlag(c, '[xk]')
    counts = countsText(c)
    if drops then
      settled.dropped[#settled.dropped + 1] = id
      -- Where its record will stand in the commit, and what of it.
      settled.dropped[id] = { at = settled.size + 2, given = given, head = counts .. ' ' .. token .. ' ', grantedAt = tonumber(grantedAt),
        worker = string.sub(record, at) }
    end
  end
  -- The worker, and the history behind it, stay as they are.
  return complete(settled, id, table.concat({ 'c', counts, ' ', token, ' ', grantedAt, ' ', nowText, ' ', string.sub(record, at) }))
end

-- What goes of tasks that were to keep no payload. Read now, written only after the commit: until then the task may have
-- to run again.
--   bare  ids whose envelopes go as a whole: their records have the header, from this commit on
--   cut   ids and envelopes that are cut behind their header: of ids that a caller gave, since the repeat of an enqueue by
--         an older process has to find them; and of a queue whose janitors are older and would take the others for lost
local function planDropped(settled)
  local dropped, commit, bare, cut = settled.dropped, settled.commit, {}, {}
  local envelopes = redis.call('HMGET', tasksKey, unpack(dropped))
  local visited = redis.call('HMGET', stateKey, '#epoch', '#bare')
  local mayBeBare = visited[2] or not visited[1]
  for i, id in ipairs(dropped) do
    local drop, envelope = dropped[id], envelopes[i] or ''
    local taskType, enqueuedAt, options = string.match(envelope, '^.(%S+) (%w+)([^\n]*)\n')
    enqueuedAt = enqueuedAt and tonumber(enqueuedAt, 36)
    if enqueuedAt and mayBeBare and not drop.given then
      local worker = drop.worker
      local newline = string.find(worker, '\n', 1, true) or #worker + 1
      options = options ~= ' k=0' and string.gsub(options, ' k=0', '', 1) or ''
      -- Spans of time, since they are shorter: a record of 76 characters fits into a block of 80 bytes.
      commit[drop.at] = 'c0' .. drop.head .. string.format('%d', now - drop.grantedAt) .. ' ' .. nowText .. ' '
        .. string.sub(worker, 1, newline - 1) .. ' ' .. taskType .. ' ' .. string.format('%d', drop.grantedAt - enqueuedAt) .. options
        .. string.sub(worker, newline)
      bare[#bare + 1] = id
    elseif string.find(envelope, '\n', 1, true) then
      cut[#cut + 1], cut[#cut + 2] = id, string.match(envelope, '^[^\n]*\n')
    end
  end
  return { bare = bare, cut = cut }
end

-- After the commit.
local function writeDropped(drops)
  if #drops.bare > 0 then
    redis.call('HDEL', tasksKey, unpack(drops.bare))
  end
  if #drops.cut > 0 then
    redis.call('HSET', tasksKey, unpack(drops.cut))
  end
end

-- Counts what `planAck` completed.
local function countAcked(settled, counters)
  add(counters, PROCESSING, -settled.acked)
  add(counters, COMPLETED, settled.acked)
  add(counters, ACKED_TOTAL, settled.acked)
end

local function isCompleted(_, _, letter)
  return letter == 99 -- c
end

-- Before the commit: the places that the settled tasks go to.
local function writeSettled(settled)
  if #settled.results > 0 then
    redis.call('HSET', resultsKey, unpack(settled.results))
  end
  if #settled.completed > 0 then
    redis.call('LPUSH', completedKey, unpack(settled.completed))
  end
  if #settled.cancelled > 0 then
    redis.call('LPUSH', cancelledKey, unpack(settled.cancelled))
  end
  if #settled.scheduled > 0 then
    redis.call('ZADD', scheduledKey, unpack(settled.scheduled))
  end
  if #settled.dead > 0 then
    redis.call('ZADD', deadLettersKey, unpack(settled.dead))
  end
  pushBands(settled.bands, true)
  pushBands(settled.again, false)
end
