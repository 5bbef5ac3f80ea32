-- Writes the lease of a task.

-- The lease in Redis may last this much longer than the time-out of the attempt, ms. The worker ends the attempt at the
-- time-out, and its verdict has to arrive in this time. After that no heartbeat extends the lease.
local SETTLE_MS = 250

-- Returns the fence of all tasks of one grant. The worker appends "." and the position of the task to get the token.
-- `first` is the number of the first grant, as text.
local function fenceOf(first, nonce)
  return first .. '-' .. nonce
end

-- Returns the terms of a task without options. If they differ by type, the second value is a function that finds the own
-- terms of a type (lib/own_terms.lua). The third value is maxRetries. `request` has leaseMs, workerId and maxRetries: a
-- number as text, perhaps followed by the terms of single types. The fields of terms:
--
--   given, flags   whether a caller gave the id; the flags that the record gets
--   counts         the counts of a task that was never granted before
--   tail           the text after the fence in the record
--   key            the key of the task; '' if it has none
--   band           the band of the task, if the task does not have to run alone
--   lease          when the lease expires, as text
--   expiresAt      the task is not granted after this time; 0 if it does not expire
local function leaseTerms(request)
  local maxRetries, ownOf = tonumber(request.maxRetries), nil
  if not maxRetries then
-- include lib/own_terms.lua
    maxRetries, ownOf = ownTermsOf(request.maxRetries)
  end
  local expiry, deadline = now + request.leaseMs, now + ATTEMPT_TIMEOUT_MS + SETTLE_MS
  local plain = { given = false, flags = '', counts = '1', key = '', band = 'normal', cost = 1, expiresAt = 0,
    lease = string.format('%d', expiry < deadline and expiry or deadline),
    tail = ' ' .. nowText .. string.format(' %d %d ', deadline, maxRetries + 1) .. request.workerId }
  return plain, ownOf, maxRetries
end

-- Returns a function that finds the terms of any task. The other values are those that leaseTerms got and returned.
local function termsFinder(request, plain, ownOf, maxRetries)
  -- The terms for each text of options. Most tasks of a batch have the same options, so this cache is used (hot path).
  local known, makeTerms = { [''] = plain }, nil
  return function(envelope)
    -- The options come after the type and the time.
    local text, own = string.match(envelope, '^%S+ %S+([^\n]*)') or '', ownOf and ownOf(envelope)
    local kept = own and own.place .. text or text
    local terms = known[kept]
    if not terms then
      if not makeTerms then
-- include lib/terms.lua
        makeTerms = newTerms
      end
      terms = makeTerms(text, own, plain, request, maxRetries)
      if terms ~= plain then -- each task with a unique key has another text
        known[kept] = terms
      end
    end
    return terms
  end
end
