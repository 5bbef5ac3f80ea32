-- Plans what verdicts do with their tasks, except completed tasks without a result (lib/acks.lua). A verdict is how a
-- worker says that an attempt ended. Also makes the writes before the commit.

-- Prepares the plan. `gone`: ids that leave `processing`. `retried`: ids that may become pending again without a wait.
local function prepareVerdicts(settled, retried)
  settled.gone, settled.cancelled, settled.scheduled, settled.dead, settled.results = {}, {}, {}, {}, {}
  settled.deadUntil = {}
  settled.bands, settled.again, settled.envelopes = newBands(), newBands(), {}
  if #retried > 0 then
    local envelopes = redis.call('HMGET', tasksKey, unpack(retried))
    for i, id in ipairs(retried) do
      settled.envelopes[id] = envelopes[i] or nil
    end
  end
end

-- Returns whether the key of this task has a strict order (ordered=1).
local function isOrdered(record)
  return limits and limits.ordered and leasedKey(record) ~= nil
end

local function put(settled, id, record)
  settled.gone[#settled.gone + 1] = id
  write(settled, id, record)
end

-- Notes that a task has ended, because other tasks may wait for its end. mark: how the task ended (lib/flows.lua).
local function noteEnd(settled, id, c, mark)
  if hasFlag(c, FLAG_NEXT) then
    settled.awaited[#settled.awaited + 1] = id
  end
  if hasFlag(c, FLAG_NODE) then
    addEnd(id, mark, c)
  end
end

-- `history` and `err` are what `appendAttempt` returned.
local function planCancelled(settled, counters, id, c, history, err)
  settled.cancelled[#settled.cancelled + 1] = id
  add(counters, CANCELLED, 1)
  add(counters, CANCELLED_TOTAL, 1)
  clearFlag(c, FLAG_CANCEL)
  noteEnd(settled, id, c, 'x')
  put(settled, id, 'x' .. countsText(c) .. ' ' .. nowText .. history .. err)
  return 'c'
end

-- Counts a failure under its signature. Returns what the record of a dead letter says about its error.
local function noteFailure(settled, told, isDead, err)
  if not settled.errors then
-- include lib/errors.lua
    settled.errors, settled.countFailure, settled.planErrors, settled.writeErrors = newErrors(), countFailure, planErrors, writeErrors
  end
  return settled.countFailure(settled.errors, told, isDead, err)
end

-- Counts a death without an error, such as `no_handler`, by its reason. Returns what the record says about it.
local function noteDeath(settled, envelope, reason)
-- include lib/told.lua
  return reason .. noteFailure(settled, toldOf(envelope, reason), true, '~' .. reason)
end

local function planDead(settled, counters, id, record, c, reason, history, err)
  local key = leasedKey(record)
  if key then
    limits.died(limits, key)
  end
  settled.dead[#settled.dead + 1] = nowText
  settled.dead[#settled.dead + 1] = id
  if hasFlag(c, FLAG_KEEP) then
-- include lib/keep.lua
    noteDeadUntil(settled.deadUntil, id, redis.call('HGET', tasksKey, id), now)
  end
  add(counters, DEAD, 1)
  add(counters, DEAD_TOTAL, 1)
  if events then
    events.note(EVENT_DEAD .. string.match(reason, '^%S+'), id)
  end
  noteEnd(settled, id, c, 'd')
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

-- Makes a task pending again, at the head of its band or of the line of its key.
local function handBack(settled, counters, id, envelope, c, history)
  addPending(settled.bands, id, envelope, c)
  add(counters, PENDING, 1)
  put(settled, id, 'p' .. countsText(c) .. history)
  return 'l'
end

-- Retries a task of a key in strict order: it stays at the head of its key, and the key is held for the delay.
local function planInPlace(settled, counters, id, record, delayMs, failure)
  if delayMs > 0 then
    limits.hold(limits, leasedKey(record), now + delayMs)
  end
  handBack(settled, counters, id, redis.call('HGET', tasksKey, id) or '.', failure.c, failure.history .. failure.err)
  return 'r'
end

-- Retries a task without a delay: it goes to the end of its band.
local function planAgain(settled, counters, id, failure)
  failure.again = failure.again or 'p' .. countsText(failure.c) .. failure.history .. failure.err
  addPending(settled.again, id, settled.envelopes[id] or '.', failure.c)
  settled.queuedAgain = true
  add(counters, PENDING, 1)
  put(settled, id, failure.again)
  return 'r'
end

-- Splits the text of a failed attempt. Returns the description under which the failure is counted (lib/errors.lua), nil
-- if there is none, and the error.
local function splitFailure(text)
  local told, err = string.match(text, '^([^\n]*)\n(.*)$')
  return told, err or text
end

-- Returns what a failure adds to a record. The last result is cached: tasks of one grant often fail with the same
-- error.
local function failureOf(settled, record, verdict, text)
  local before = settled.failure
  if before and record == before.record and text == before.text and verdict == before.verdict then
    return before
  end
  local c = parseCounts(record)
  local _, _, _, maxAttempts = parseLease(record)
  c.failures = c.failures + 1
  c.unroutedSince = 0
  local told, message = splitFailure(text)
  local history, err = appendAttempt(record, c, verdict == 'quarantine' and 'quarantined' or 'failed', message)
  local retries = verdict == 'fail' and c.attempts < maxAttempts
  settled.failure = { record = record, verdict = verdict, text = text, c = c, cancelled = hasFlag(c, FLAG_CANCEL), history = history, err = err,
    retries = retries, told = told }
  return settled.failure
end

local function planFailure(settled, counters, id, record, verdict, delayMs, text)
  local failure = failureOf(settled, record, verdict, text)
  local c, history, err = failure.c, failure.history, failure.err
  add(counters, FAILED_TOTAL, 1)
  local mark = noteFailure(settled, failure.told, not (failure.cancelled or failure.retries), err)
  if failure.cancelled then
    return planCancelled(settled, counters, id, c, history, err)
  elseif failure.retries then
    add(counters, RETRIED_TOTAL, 1)
    if isOrdered(record) then
      return planInPlace(settled, counters, id, record, delayMs, failure)
    elseif delayMs == 0 then
      return planAgain(settled, counters, id, failure)
    end
    return planScheduled(settled, counters, id, c, delayMs, history, err)
  end
  local reason = verdict == 'fatal' and 'fatal' or verdict == 'quarantine' and 'undecodable' or 'retries_exhausted'
  return planDead(settled, counters, id, record, c, reason .. mark, history, err)
end

-- Hands back a task whose handler met a rate limit, refunds the attempt, and holds its key, type or queue (`scope`).
local function planLimited(settled, counters, id, record, c, envelope, holdMs, scope)
  c.limited = c.limited + 1
  add(counters, RELEASED_TOTAL, 1)
  local name = scope == 'type' and typeOf(envelope)
  if name then
    limits.holdType(limits, name, now + holdMs)
  else
    limits.hold(limits, scope == 'key' and keyOption(envelope) or '', now + holdMs)
  end
  if hasFlag(c, FLAG_CANCEL) then
    return planCancelled(settled, counters, id, c, appendAttempt(record, c, 'released', ''))
  elseif c.limited > RATE_LIMITED_MAX then
    return planDead(settled, counters, id, record, c, noteDeath(settled, envelope, 'rate_limited_too_often'),
      appendAttempt(record, c, 'released', ''))
  end
  c.attempts = c.attempts - 1
  return handBack(settled, counters, id, envelope, c, historyOf(record))
end

-- Plans an error that does not count as a failure: the attempt is refunded, and the task is retried after the delay.
-- After RATE_LIMITED_MAX refunds for such errors and rate limits together, it counts as a failure.
local function planExcused(settled, counters, id, record, c, delayMs, text)
  c.limited = c.limited + 1
  add(counters, RELEASED_TOTAL, 1)
  local _, message = splitFailure(text)
  local history, err = appendAttempt(record, c, 'released', message)
  if hasFlag(c, FLAG_CANCEL) then
    return planCancelled(settled, counters, id, c, history, err)
  end
  c.attempts = c.attempts - 1
  if isOrdered(record) then
    planInPlace(settled, counters, id, record, delayMs, { c = c, history = history, err = err })
    return 'l'
  end
  planScheduled(settled, counters, id, c, delayMs, history, err)
  return 'l'
end

-- Ends a task as cancelled, because its worker asks for it. Verdict `drop`: the last attempt failed, but the handler
-- wants no dead letter. Verdict `cancel`: the handler cancelled the task.
local function planGivenUp(settled, counters, id, record, c, verdict, text)
  local isFailure = verdict == 'drop'
  local told, message = splitFailure(text)
  local history, err = appendAttempt(record, c, isFailure and 'failed' or 'cancelled', message)
  if isFailure then
    c.failures = c.failures + 1
    add(counters, FAILED_TOTAL, 1)
    noteFailure(settled, told, false, err)
  end
  return planCancelled(settled, counters, id, c, history, err)
end

-- Hands back a task without a handler whose key is in strict order. If it were put aside, later tasks would overtake
-- it.
local function planUnrouted(settled, counters, id, record, c, noHandlerAfterMs, text)
  c.unroutedSince = c.unroutedSince > 0 and c.unroutedSince or now
  local envelope = redis.call('HGET', tasksKey, id) or '.'
  if now - c.unroutedSince >= noHandlerAfterMs then
    return planDead(settled, counters, id, record, c, noteDeath(settled, envelope, 'no_handler'), appendAttempt(record, c, 'unrouted', text))
  end
  limits.hold(limits, leasedKey(record), now + NO_HANDLER_HOLD_MS)
  return handBack(settled, counters, id, envelope, c, historyOf(record))
end

-- Plans one verdict other than an ack, with the current fence. `typed` (lib/typed.lua): given for `unrouted`.
local function planVerdict(settled, counters, id, record, verdict, delayMs, text, typed)
  add(counters, PROCESSING, -1)
  if limits then
    local _, grantedAt = parseLease(record)
    limits.release(limits, countedIn(record), 1, tonumber(grantedAt))
  end
  if verdict == 'fail' or verdict == 'fatal' or verdict == 'quarantine' then
    return planFailure(settled, counters, id, record, verdict, delayMs, text)
  end
  local c = parseCounts(record)
  if verdict == 'cancel' or verdict == 'drop' then
    return planGivenUp(settled, counters, id, record, c, verdict, text)
  elseif verdict == 'excuse' then
    if c.limited >= RATE_LIMITED_MAX then
      return planFailure(settled, counters, id, record, 'fail', delayMs, text)
    end
    return planExcused(settled, counters, id, record, c, delayMs, text)
  end
  if verdict == 'suspend' then
-- include lib/steps.lua
-- include lib/suspend.lua
    return planSuspended(settled, counters, id, record, c, delayMs, text)
  end
  local _, _, _, maxAttempts = parseLease(record)
  local cancelled = hasFlag(c, FLAG_CANCEL)
  if verdict == 'unrouted' then
    if cancelled then
      return planCancelled(settled, counters, id, c, appendAttempt(record, c, 'unrouted', text))
    end
    c.attempts = c.attempts - 1
    if isOrdered(record) then
      return planUnrouted(settled, counters, id, record, c, typed.noHandlerAfterMs, text)
    end
    -- The task waits for a worker that runs its type, and its attempt is refunded.
    typed.standAside(typed, id, redis.call('HGET', tasksKey, id) or '.- ', c)
    add(counters, PENDING, 1)
    put(settled, id, 'p' .. countsText(c) .. historyOf(record))
    return 'l'
  end

  local envelope = redis.call('HGET', tasksKey, id) or '.'
  if limits and verdict == 'unstarted' then
    limits.refund(limits, countedIn(record) or '', tonumber(option(envelope, 'c')) or 1)
  end
  if verdict == 'limited' then
    return planLimited(settled, counters, id, record, c, envelope, delayMs, text)
  end

  -- A release is refunded at most RELEASES_REFUNDED times per task. An attempt that never began is always refunded.
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
      return planDead(settled, counters, id, record, c, noteDeath(settled, envelope, 'releases_exhausted'), history, '')
    end
  else
    c.attempts = c.attempts - 1
  end
  return handBack(settled, counters, id, envelope, c, history)
end

-- Plans an ack with a result or any other verdict. Returns the letter for the reply.
local function planOther(settled, counters, id, fence, verdict, delayMs, text, record, typed)
  local current = record and parseLease(record)
  if verdict == 'ack' then
    local letter, shared, counted, grantedAt, mark = planAck(settled, counters, id, fence, record)
    if shared and limits then
      limits.release(limits, counted, 1, grantedAt)
    end
    if mark then
      addMarked(id, mark)
    end
    if letter == 'a' and current == fence then
      settled.results[#settled.results + 1] = id
      settled.results[#settled.results + 1] = text
    end
    return letter
  elseif current == fence then -- only the holder of the current lease moves the task
    return planVerdict(settled, counters, id, record, verdict, delayMs, text, typed)
  end
  return verdictWithoutLease(counters, record, nil)
end

-- Returns how many tasks go back to the heads of their bands. Such a call grants none, because a grant trims the heads.
local function countReleases(settled)
  return #settled.bands.solo + #settled.bands.high + #settled.bands.normal + #settled.bands.low + #settled.bands.keyed
end

-- Adds the tasks to the lists of their new states. Called before the commit.
local function writeVerdicts(settled)
  if settled.errors then
    settled.writeErrors(settled.errors)
  end
  if #settled.results > 0 then
    redis.call('HSET', resultsKey, unpack(settled.results))
  end
  if #settled.cancelled > 0 then
    redis.call('LPUSH', cancelledKey, unpack(settled.cancelled))
  end
  if #settled.scheduled > 0 then
    settled.sooner = isFirstDue(placeDue(settled.scheduled))
    redis.call('ZADD', scheduledKey, unpack(settled.scheduled))
  end
  if #settled.dead > 0 then
    redis.call('ZADD', deadLettersKey, unpack(settled.dead))
  end
  if #settled.deadUntil > 0 then
    redis.call('ZADD', keptDeadKey, unpack(settled.deadUntil))
  end
  pushBands(settled.bands, true)
  pushBands(settled.again, false)
end
