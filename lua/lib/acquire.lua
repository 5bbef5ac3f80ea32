-- The reading half of an acquire: which tasks to grant, and what has to be written for it. The calling script writes.

-- The hard limit of an attempt whose task brings none.
local DEFAULT_TIMEOUT_MS = 1800000

-- Of every 16 grants at least 3 go to normal and 1 to low where such tasks wait: the grant number decides the turn.
local TURNS = { [3] = 'normal', [7] = 'low', [8] = 'normal', [13] = 'normal' }
local FALLBACK = { 'high', 'normal', 'low' }

-- Ids in the order in which they shall be granted, and from which band each comes.
local function peekBands(want, grants)
  local peeked = {
    high = redis.call('LRANGE', pendingHighKey, 0, want - 1),
    normal = redis.call('LRANGE', pendingKey, 0, want - 1),
    low = redis.call('LRANGE', pendingLowKey, 0, want - 1),
  }
  if #peeked.high == 0 and #peeked.low == 0 then
    return peeked.normal, nil
  end
  local at = { high = 0, normal = 0, low = 0 }
  local ids, from = {}, {}
  for turn = 1, want do
    local band = TURNS[(grants + turn) % 16] or 'high'
    if at[band] >= #peeked[band] then
      band = nil
      for _, other in ipairs(FALLBACK) do
        if at[other] < #peeked[other] then
          band = other
          break
        end
      end
      if not band then
        break
      end
    end
    at[band] = at[band] + 1
    ids[#ids + 1] = peeked[band][at[band]]
    from[#from + 1] = band
  end
  return ids, from
end

local function newGrants()
  return { ids = {}, commit = {}, leases = {}, reply = {}, expired = {}, taken = { high = 0, normal = 0, low = 0, solo = 0 },
    dropped = 0, first = 0, solo = false, drain = false, claim = nil }
end

-- request: want, how many; held, what the caller holds already (a solo task goes only to one that holds nothing); leaseMs,
-- maxRetries, workerId, nonce.
local function planAcquire(counters, request, soloClaim)
  local grants = newGrants()
  local want, workerId, leaseMs, maxRetries = request.want, request.workerId, request.leaseMs, request.maxRetries
  grants.first = counters[GRANTS] + 1
  local claimant, untilMs = string.match(soloClaim or '', '^(%S+) (%d+)$')
  if want == 0 then
    -- One that drains acquires nothing: what it settles meanwhile keeps its claim.
    if claimant == workerId and redis.call('LLEN', pendingSoloKey) > 0 then
      grants.drain = true
      grants.claim = string.format('%s %.0f', workerId, now + leaseMs)
    end
    return grants
  end
  local ids, from
  if redis.call('LLEN', pendingSoloKey) > 0 then
    if request.held == 0 then
      ids, from, grants.solo = redis.call('LRANGE', pendingSoloKey, 0, 0), { 'solo' }, true
    else
      -- One worker at a time is asked to drain for it; the claim runs out with a lease.
      if not claimant or claimant == workerId or tonumber(untilMs) <= now then
        grants.drain = true
        grants.claim = string.format('%s %.0f', workerId, now + leaseMs)
      end
    end
  end
  if not ids then
    ids, from = peekBands(want, counters[GRANTS])
  end
  if #ids == 0 then
    return grants
  end

  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  local grant = counters[GRANTS]
  local expiry, deadline = now + leaseMs, now + DEFAULT_TIMEOUT_MS
  local expiryText = string.format('%.0f', expiry < deadline and expiry or deadline)
  -- All that a task without options and without history needs, made once per call.
  local tail = table.concat({ '-', request.nonce, ' ', nowText, ' ', string.format('%.0f', deadline), ' ', string.format('%d', maxRetries + 1), ' ', workerId })
  local commit, leases, reply, seen, expiredEnvelopes = grants.commit, grants.leases, grants.reply, {}, {}
  for i, id in ipairs(ids) do
    local record, envelope = records[i] or nil, envelopes[i] or nil
    local band = from and from[i] or 'normal'
    grants.taken[band] = grants.taken[band] + 1
    if seen[id] or not isPending(record, envelope) then
      grants.dropped = grants.dropped + 1
    elseif not record and string.byte(envelope) == 46 then
      seen[id] = true
      grant = grant + 1
      local size = #commit
      commit[size + 1] = id
      commit[size + 2] = 'l1 ' .. string.format('%.0f', grant) .. tail
      size = #leases
      leases[size + 1] = expiryText
      leases[size + 2] = id
      size = #reply
      reply[size + 1] = id
      reply[size + 2] = envelope
      reply[size + 3] = ''
      grants.ids[#grants.ids + 1] = id
    else
      seen[id] = true
      local header = headerOf(envelope)
      local fresh = not record and not optionOf(header, 'h')
      local c = fresh and newCounts() or parseCounts(record or 'p0')
      if not fresh and optionOf(header, 'h') then
        setFlag(c, 'h')
      end
      -- A value that is no number must not stop the queue: the worker finds out and quarantines the task.
      local expiresAt = tonumber(optionOf(header, 'e')) or 0
      if expiresAt > 0 and expiresAt <= now then
        grants.expired[#grants.expired + 1] = id
        expiredEnvelopes[#expiredEnvelopes + 1] = envelope
        commit[#commit + 1] = id
        commit[#commit + 1] = 'e' .. countsText(c) .. ' ' .. nowText .. historyOf(record)
      else
        grant = grant + 1
        c.attempts = c.attempts + 1
        local timeoutMs = tonumber(optionOf(header, 't')) or DEFAULT_TIMEOUT_MS
        local maxAttempts = (tonumber(optionOf(header, 'm')) or maxRetries) + 1
        local counts = fresh and '1' or countsText(c)
        commit[#commit + 1] = id
        commit[#commit + 1] = string.format('l%s %.0f-%s %s %.0f %d %s', counts, grant, request.nonce, nowText, now + timeoutMs,
          maxAttempts, workerId) .. historyOf(record)
        leases[#leases + 1] = timeoutMs < leaseMs and string.format('%.0f', now + timeoutMs) or expiryText
        leases[#leases + 1] = id
        reply[#reply + 1] = id
        reply[#reply + 1] = envelope
        reply[#reply + 1] = counts
        grants.ids[#grants.ids + 1] = id
      end
    end
  end
  -- Expired ones come last: they carry no grant, the caller only tells of them.
  for i = 1, #grants.expired do
    reply[#reply + 1] = grants.expired[i]
    reply[#reply + 1] = expiredEnvelopes[i]
    reply[#reply + 1] = 'e'
  end
  local granted, expired = #grants.ids, #grants.expired
  add(counters, GRANTS, granted)
  add(counters, PROCESSING, granted)
  add(counters, PENDING, -granted - expired)
  add(counters, EXPIRED, expired)
  add(counters, EXPIRED_TOTAL, expired)
  counters[TOMBSTONES] = math.max(0, counters[TOMBSTONES] - grants.dropped)
  return grants
end

-- Before the commit: the indexes that the granted tasks go to.
local function writeGrants(grants)
  if #grants.expired > 0 then
    redis.call('LPUSH', expiredKey, unpack(grants.expired))
  end
  if #grants.leases > 0 then
    redis.call('ZADD', processingKey, unpack(grants.leases))
  end
end

-- After the commit: the entries that they came from.
local function trimGrants(grants)
  for band, count in pairs(grants.taken) do
    if count > 0 then
      redis.call('LTRIM', bandKeys[band], count, -1)
    end
  end
end

-- A repeated call gets the tasks whose token is still the one that it was given.
local function grantsAgain(first, again)
  local reply = {}
  local ids = {}
  for id in string.gmatch(again, '%S+') do
    ids[#ids + 1] = id
  end
  if #ids == 0 then
    return reply
  end
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  for i, id in ipairs(ids) do
    local record = records[i]
    local token = record and parseLease(record)
    if token == string.format('%.0f-%s', first + i - 1, nonce) then
      local counts = string.match(record, '^l(%S+)')
      reply[#reply + 1] = id
      reply[#reply + 1] = envelopes[i]
      reply[#reply + 1] = counts == '1' and '' or counts
    else
      reply[#reply + 1] = id
      reply[#reply + 1] = ''
      reply[#reply + 1] = ''
    end
  end
  return reply
end
