-- Writes the lease of a task.

-- The lease in Redis may last this much longer than the time-out of the attempt, ms. The worker ends the attempt at the
-- time-out, and its verdict has to arrive in this time. After that no heartbeat extends the lease.
local SETTLE_MS = 250
-- The bands by the option p of the envelope. Without the option it is the normal band.
local BANDS = { h = 'high', l = 'low' }

-- Returns the fence of all tasks of one grant. The worker appends "." and the position of the task to get the token.
-- `first` is the number of the first grant, as text.
local function fenceOf(first, nonce)
  return first .. '-' .. nonce
end

-- Parses the types for which the worker sets maxRetries or timeoutMs: `,<rule>=<maxRetries>:<timeoutMs>` each, such as
-- `,email.*=5:60000`; either number may be missing. The most exact rules come first. Returns a function that finds the
-- rule for an envelope.
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

-- Returns the terms of a task without options (nil if they differ by type), and a function that finds the terms of any
-- task. `request` has leaseMs, workerId and maxRetries, which is a number as text, perhaps followed by the terms of
-- single types. The fields of terms:
--
--   given, flags   whether a caller gave the id; the flags that the record gets
--   counts         the counts of a task that was never granted before
--   tail           the text after the fence in the record
--   key            the key of the task; '' if it has none
--   band           the band of the task, if the task does not have to run alone
--   lease          when the lease expires, as text
--   expiresAt      the task is not granted after this time; 0 if it does not expire
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
  -- The terms for each text of options. Most tasks of a batch have the same options, so this cache is used (hot path).
  local known = { [''] = plain }
  -- Computes the terms for tasks with these options, and keeps them in `known[kept]`. own: maxRetries and timeoutMs
  -- that the worker sets for the type; nil if there are none.
  local function termsFor(text, kept, own)
    local onlyKey = not own and string.match(text, '^ q=(%S+)$')
    if onlyKey then -- most tasks with a key have no other option
      local terms = { given = plain.given, flags = plain.flags, counts = plain.counts, key = onlyKey, band = plain.band, cost = 1, expiresAt = 0, lease = plain.lease, tail = plain.tail }
      known[kept] = terms
      return terms
    elseif not own and string.find(text, '^ u=%S+$') then -- a unique key does not change the lease, and each task has another one
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
      -- A value that is not a number must not stop the queue. The worker cannot read such a task and ends it as dead.
      expiresAt = tonumber(optionOf(text, 'e')) or 0,
      tail = ' ' .. nowText .. string.format(' %.0f %d ', now + limitMs, maxAttempts) .. workerId,
      lease = limitMs < leaseMs and string.format('%.0f', now + limitMs) or expiryText,
    }
    known[kept] = terms
    return terms
  end
  if not ownOf then
    return plain, function(envelope)
      -- The options come after the type and the time.
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
