-- Writes the lease of a task.

-- From the time-out to the deadline, after which no heartbeat extends the lease: the worker ends the attempt at the
-- time-out itself, and its verdict has to arrive before a janitor may reap the task.
local SETTLE_MS = 250

-- The fence of all tasks that one call grants. A worker adds a dot and the place of each, which makes its token.
-- first: the number of the first grant, as text.
local function fenceOf(first, nonce)
  return first .. '-' .. nonce
end

-- Returns the terms of a task without options, and a function that finds the terms of a task with options. counts: those of a first
-- grant. tail: the text behind the fence in the record. key: '' without one. lease: when it expires. expiresAt: after that the task is not granted; 0: never.
-- request: leaseMs, maxRetries, workerId.
local function leaseTerms(request)
  local leaseMs, maxRetries, workerId = request.leaseMs, request.maxRetries, request.workerId
  local expiry, deadline = now + leaseMs, now + ATTEMPT_TIMEOUT_MS + SETTLE_MS
  local expiryText = string.format('%d', expiry < deadline and expiry or deadline)
  local plain = { given = false, flags = '', counts = '1', key = '', cost = 1, expiresAt = 0, lease = expiryText,
    tail = ' ' .. nowText .. string.format(' %d %d ', deadline, maxRetries + 1) .. workerId }
  -- By the text of the options: the tasks of a batch mostly share it.
  local known = { [''] = plain }
  return plain, function(envelope)
    -- The text behind type and time.
    local text = string.match(envelope, '^%S+ %S+([^\n]*)') or ''
    local terms = known[text]
    local onlyKey = not terms and string.match(text, '^ q=(%S+)$')
    if onlyKey then -- most tasks with a key have no other option
      terms = { given = plain.given, flags = plain.flags, counts = plain.counts, key = onlyKey, cost = 1, expiresAt = 0, lease = plain.lease, tail = plain.tail }
      known[text] = terms
    elseif not terms and string.find(text, '^ u=%S+$') then -- a unique key says nothing about the lease, and each task has another one
      return plain
    elseif not terms then
      local limitMs = (tonumber(optionOf(text, 't')) or ATTEMPT_TIMEOUT_MS) + SETTLE_MS
      local maxAttempts = (tonumber(optionOf(text, 'm')) or maxRetries) + 1
      local flags = (optionOf(text, 'h') and FLAG_GIVEN or '') .. (optionOf(text, 'k') == '0' and FLAG_DROPS or '')
      terms = {
        given = optionOf(text, 'h') ~= nil,
        flags = flags,
        key = optionOf(text, 'q') or '',
        cost = tonumber(optionOf(text, 'c')) or 1,
        counts = flags == '' and '1' or '1,0,0,0,0,0,' .. flags,
        -- A value that is not a number must not stop the queue: the worker notices it and quarantines the task.
        expiresAt = tonumber(optionOf(text, 'e')) or 0,
        tail = ' ' .. nowText .. string.format(' %.0f %d ', now + limitMs, maxAttempts) .. workerId,
        lease = limitMs < leaseMs and string.format('%.0f', now + limitMs) or expiryText,
      }
      known[text] = terms
    end
    return terms
  end
end
