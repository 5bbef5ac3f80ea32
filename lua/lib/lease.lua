-- Writes the lease of a task.

-- The time, ms, from the time-out of an attempt to its deadline, after which no heartbeat extends the lease. The worker
-- itself ends the attempt at the time-out. Its verdict has to arrive before a janitor may reap the task.
local SETTLE_MS = 250
-- The bands of tasks that are not normal, by the option p of their envelopes.
local BANDS = { h = 'high', l = 'low' }

-- The fence of all tasks that one call grants. A worker adds a dot and the place of the task, which makes the token.
-- first: the number of the first grant, as text.
local function fenceOf(first, nonce)
  return first .. '-' .. nonce
end

-- Reads the types that have a maxRetries or a timeoutMs of their own, each as ',<rule>=<maxRetries>:<timeoutMs>';
-- either number may be missing. A rule is a type, or a prefix with a star; the most exact ones come first. Returns a
-- function that finds the terms of a type.
local function ownTermsOf(text)
  local rules = {}
  for name, star, maxRetries, timeoutMs in string.gmatch(text, ',([^*=,]*)(%*?)=(%d*):(%d*)') do
    rules[#rules + 1] = { place = #rules .. ' ', name = name, isPrefix = star ~= '', maxRetries = tonumber(maxRetries), timeoutMs = tonumber(timeoutMs) }
  end
  return function(envelope)
    local name = typeOf(envelope) or ''
    for _, rule in ipairs(rules) do
      if name == rule.name or rule.isPrefix and string.sub(name, 1, #rule.name) == rule.name then
        return rule
      end
    end
  end
end

-- Returns the terms of a task without options (nil if they differ by type), and a function that finds the terms of any task. counts: those of a first
-- grant. tail: the text behind the fence in the record. key: '' without one. band: of the task, if it does not run alone. lease: when it expires. expiresAt: after that the task is not granted; 0: never.
-- request: leaseMs, workerId; maxRetries, a number as text, with the terms of single types behind it.
local function leaseTerms(request)
  local leaseMs, maxRetries, workerId = request.leaseMs, tonumber(request.maxRetries), request.workerId
  local ownOf
  if not maxRetries then
    local number, text = string.match(request.maxRetries, '^(%d+)(.*)$')
    maxRetries, ownOf = tonumber(number), ownTermsOf(text)
  end
  local expiry, deadline = now + leaseMs, now + ATTEMPT_TIMEOUT_MS + SETTLE_MS
  local expiryText = string.format('%d', expiry < deadline and expiry or deadline)
  local plain = { given = false, flags = '', counts = '1', key = '', band = 'normal', cost = 1, expiresAt = 0, lease = expiryText,
    tail = ' ' .. nowText .. string.format(' %d %d ', deadline, maxRetries + 1) .. workerId }
  -- The terms by the text of the options, which the tasks of a batch mostly share.
  local known = { [''] = plain }
  -- kept: the text under which the terms are kept in `known`. own: the terms of its type; nil if it has none.
  local function termsFor(text, kept, own)
    local onlyKey = not own and string.match(text, '^ q=(%S+)$')
    if onlyKey then -- most tasks with a key have no other option
      local terms = { given = plain.given, flags = plain.flags, counts = plain.counts, key = onlyKey, band = plain.band, cost = 1, expiresAt = 0, lease = plain.lease, tail = plain.tail }
      known[kept] = terms
      return terms
    elseif not own and string.find(text, '^ u=%S+$') then -- it does not change the lease, and differs from task to task
      return plain
    end
    local limitMs = (tonumber(optionOf(text, 't')) or own and own.timeoutMs or ATTEMPT_TIMEOUT_MS) + SETTLE_MS
    local maxAttempts = (tonumber(optionOf(text, 'm')) or own and own.maxRetries or maxRetries) + 1
    local flags = (optionOf(text, 'h') and FLAG_GIVEN or '') .. (optionOf(text, 'k') == '0' and FLAG_DROPS or '') .. (optionOf(text, 'l') and FLAG_KEEP or '')
    local terms = {
      given = optionOf(text, 'h') ~= nil,
      flags = flags,
      key = optionOf(text, 'q') or '',
      band = BANDS[optionOf(text, 'p')] or 'normal',
      cost = tonumber(optionOf(text, 'c')) or 1,
      counts = flags == '' and '1' or '1,0,0,0,0,0,' .. flags,
      -- A value that is not a number must not stop the queue: the worker notices it and quarantines the task.
      expiresAt = tonumber(optionOf(text, 'e')) or 0,
      tail = ' ' .. nowText .. string.format(' %.0f %d ', now + limitMs, maxAttempts) .. workerId,
      lease = limitMs < leaseMs and string.format('%.0f', now + limitMs) or expiryText,
    }
    known[kept] = terms
    return terms
  end
  if not ownOf then
    return plain, function(envelope)
      -- The text behind type and time.
      local text = string.match(envelope, '^%S+ %S+([^\n]*)') or ''
      return known[text] or termsFor(text, text, nil)
    end
  end
  return nil, function(envelope)
    local text, own = string.match(envelope, '^%S+ %S+([^\n]*)') or '', ownOf(envelope)
    local kept = own and own.place .. text or text
    return known[kept] or termsFor(text, kept, own)
  end
end
