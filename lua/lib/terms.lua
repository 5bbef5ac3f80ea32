-- Makes the terms of tasks with options, or with a type that has its own terms (lib/lease.lua).
-- include lib/envelope.lua

-- The bands by the option p of the envelope. Without the option it is the normal band.
local BANDS = { h = 'high', l = 'low' }

-- text: the options. own: maxRetries and timeoutMs by type; nil for none. plain: the terms of a task without options.
local function newTerms(text, own, plain, request, maxRetries)
  local onlyKey = not own and string.match(text, '^ q=(%S+)$')
  if onlyKey then -- most tasks with a key have no other options
    return { given = plain.given, flags = plain.flags, counts = plain.counts, key = onlyKey, band = plain.band, cost = 1, expiresAt = 0, lease = plain.lease, tail = plain.tail }
  elseif not own and string.find(text, '^ u=%S+$') then -- a unique key does not change the lease
    return plain
  end
  local limitMs = (tonumber(optionOf(text, 't')) or own and own.timeoutMs or ATTEMPT_TIMEOUT_MS) + SETTLE_MS
  local maxAttempts = (tonumber(optionOf(text, 'm')) or own and own.maxRetries or maxRetries) + 1
  local flags = (optionOf(text, 'h') and FLAG_GIVEN or '') .. (optionOf(text, 'k') == '0' and FLAG_DROPS or '') .. (optionOf(text, 'l') and FLAG_KEEP or '')
  return {
    given = optionOf(text, 'h') ~= nil,
    flags = flags,
    key = optionOf(text, 'q') or '',
    band = BANDS[optionOf(text, 'p')] or 'normal',
    cost = tonumber(optionOf(text, 'c')) or 1,
    counts = flags == '' and '1' or '1,0,0,0,0,0,' .. flags,
    -- A value that is not a number must not stop the queue. The worker cannot read such a task and ends it as dead.
    expiresAt = tonumber(optionOf(text, 'e')) or 0,
    tail = ' ' .. nowText .. string.format(' %.0f %d ', now + limitMs, maxAttempts) .. request.workerId,
    lease = limitMs < request.leaseMs and string.format('%.0f', now + limitMs) or plain.lease,
  }
end
