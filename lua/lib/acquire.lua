-- The reading half of an acquire: which tasks to grant, and what has to be written for it. The calling script writes.

-- The hard limit of an attempt whose task brings none.
local DEFAULT_TIMEOUT_MS = 1800000

-- Of every 16 grants at least 3 go to normal and 1 to low where such tasks wait: the grant number decides the turn.
local function turnOf(grant)
  local turn = grant % 16
  return turn == 7 and 'low' or (turn == 3 or turn == 8 or turn == 13) and 'normal' or 'high'
end

-- Ids in the order in which they shall be granted, and from which band each comes.
local function peekBands(want, grants)
  local peeked = {
    high = redis.call('LRANGE', pendingHighKey, 0, want - 1),
    normal = redis.call('LRANGE', pendingKey, 0, want - 1),
    low = redis.call('LRANGE', pendingLowKey, 0, want - 1),
  }
  local fallback = { 'high', 'normal', 'low' }
  local at = { high = 0, normal = 0, low = 0 }
  local ids, from = {}, {}
  for turn = 1, want do
    local band = turnOf(grants + turn)
    if at[band] >= #peeked[band] then
      band = nil
      for _, other in ipairs(fallback) do
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

-- How often a pending task was granted, with the grant that it gets now.
local function countsAfter(record, options)
  if options.flags == '' and not record then
    return '1'
  elseif options.flags == '' then
    local attempts, others = string.match(record, '^%a(%d+)(%S*)')
    return string.format('%d', attempts + 1) .. others
  elseif not record then
    return '1,0,0,0,0,0,' .. options.flags
  end
  local c = parseCounts(record)
  c.attempts = c.attempts + 1
  for flag in string.gmatch(options.flags, '%a') do
    setFlag(c, flag)
  end
  return countsText(c)
end

local function newGrants()
  return { ids = {}, leases = {}, reply = {}, counts = {}, expired = {}, taken = { high = 0, normal = 0, low = 0, solo = 0 },
    changed = 0, dropped = 0, first = 0, solo = false, drain = false, claim = nil }
end

-- request: want, how many; held, what the caller holds already (a solo task goes only to one that holds nothing); leaseMs,
-- maxRetries, workerId, nonce. The records go to the end of `commit`.
local function planAcquire(counters, request, soloClaim, commit)
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
  -- Most queues have the normal band alone: one look for the three others.
  local others = redis.call('EXISTS', pendingHighKey, pendingLowKey, pendingSoloKey) > 0
  if others and redis.call('LLEN', pendingSoloKey) > 0 then
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
  if others and not ids then
    ids, from = peekBands(want, counters[GRANTS])
  elseif not ids then
    ids = redis.call('LRANGE', pendingKey, 0, want - 1)
  end
  if #ids == 0 then
    return grants
  end

  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  local grant = counters[GRANTS]
  local expiry, deadline = now + leaseMs, now + DEFAULT_TIMEOUT_MS
  local expiryText = string.format('%d', expiry < deadline and expiry or deadline)
  -- What stands behind the grant number in the record of a task without options, made once per call.
  local tokenEnd = '-' .. request.nonce .. ' ' .. nowText .. ' '
  local tail = tokenEnd .. string.format('%d %d ', deadline, maxRetries + 1) .. workerId

  local byte, find, format = string.byte, string.find, string.format
  -- The same for a task with options, by their text: the tasks of a batch mostly share it.
  local known = {}
  local function optionsOf(envelope)
    local text = ''
    if byte(envelope) ~= 46 then -- "."
      -- What stands behind type and time. Plain searches: a pattern is several times slower, and each such task passes here.
      local typeEnd = find(envelope, ' ', 1, true)
      local timeEnd = typeEnd and find(envelope, ' ', typeEnd + 1, true)
      local headerEnd = find(envelope, '\n', 1, true)
      text = timeEnd and headerEnd and timeEnd < headerEnd and string.sub(envelope, timeEnd, headerEnd - 1) or ''
    end
    local options = known[text]
    if not options then
      local timeoutMs = tonumber(optionOf(text, 't')) or DEFAULT_TIMEOUT_MS
      local maxAttempts = (tonumber(optionOf(text, 'm')) or maxRetries) + 1
      options = {
        given = optionOf(text, 'h') ~= nil,
        flags = (optionOf(text, 'h') and 'h' or '') .. (optionOf(text, 'k') == '0' and 'k' or ''),
        -- A value that is no number must not stop the queue: the worker finds out and quarantines the task.
        expiresAt = tonumber(optionOf(text, 'e')) or 0,
        tail = tokenEnd .. string.format('%.0f %d ', now + timeoutMs, maxAttempts) .. workerId,
        lease = timeoutMs < leaseMs and string.format('%.0f', now + timeoutMs) or expiryText,
      }
      known[text] = options
    end
    return options
  end

  local leases, reply, granted, seen, expiredEnvelopes = grants.leases, grants.reply, grants.ids, {}, {}
  local place, size = 0, #commit
  -- The numbers of the grants, which are consecutive, as texts: one format for ten of them.
  local tens, units = nil, { [0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' }
  if not from then
    grants.taken.normal = #ids
  end
  for i = 1, #ids do
    local id, record, envelope = ids[i], records[i] or nil, envelopes[i] or nil
    if from then
      grants.taken[from[i]] = grants.taken[from[i]] + 1
    end
    local counts, behind, lease
    local history = ''
    if seen[id] then
      grants.dropped = grants.dropped + 1
    elseif envelope and not record and byte(envelope) == 46 then -- "."
      counts, behind, lease = '1', tail, expiryText
    elseif not isPending(record, envelope) then
      grants.dropped = grants.dropped + 1
    else
      local options = optionsOf(envelope)
      if options.expiresAt > 0 and options.expiresAt <= now then
        local c = record and parseCounts(record) or newCounts()
        if options.given then
          setFlag(c, 'h')
        end
        seen[id] = true
        grants.expired[#grants.expired + 1] = id
        expiredEnvelopes[#expiredEnvelopes + 1] = envelope
        commit[size + 1], commit[size + 2] = id, 'e' .. countsText(c) .. ' ' .. nowText .. historyOf(record)
        size = size + 2
      else
        counts, behind, history, lease = countsAfter(record, options), options.tail, historyOf(record), options.lease
      end
    end
    if counts then
      seen[id] = true
      grant, place = grant + 1, place + 1
      local unit = grant % 10
      if unit == 0 or not tens then
        tens = grant < 10 and '' or format('%d', (grant - unit) / 10)
      end
      commit[size + 1], commit[size + 2] = id, 'l' .. counts .. ' ' .. tens .. units[unit] .. behind .. history
      size = size + 2
      leases[2 * place - 1], leases[2 * place] = lease, id
      reply[2 * place - 1], reply[2 * place] = id, envelope
      granted[place] = id
      if counts ~= '1' then
        grants.counts[place] = counts .. previousSpan(record)
      end
    end
  end
  -- Expired ones come last: they carry no grant, the caller only tells of them.
  local expired = #grants.expired
  for i = 1, expired do
    reply[2 * (place + i) - 1], reply[2 * (place + i)] = grants.expired[i], expiredEnvelopes[i]
    grants.counts[place + i] = 'e'
  end
  grants.changed = place + expired
  add(counters, GRANTS, place)
  add(counters, PROCESSING, place)
  add(counters, PENDING, -place - expired)
  add(counters, EXPIRED, expired)
  add(counters, EXPIRED_TOTAL, expired)
  counters[TOMBSTONES] = math.max(0, counters[TOMBSTONES] - grants.dropped)
  return grants
end

-- What a worker has to know beside id and envelope: "place=counts" of each that was granted before, places counted from 1.
local function countsReply(counts)
  local parts = {}
  for place, text in pairs(counts) do
    parts[#parts + 1] = string.format('%d=%s', place, text)
  end
  return table.concat(parts, ' ')
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

-- A repeated call gets the tasks whose token is still the one that it was given; of the others the id alone.
local function grantsAgain(first, again)
  local reply, counts = {}, {}
  local ids = {}
  for id in string.gmatch(again, '%S+') do
    ids[#ids + 1] = id
  end
  if #ids == 0 then
    return '', reply
  end
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  for i, id in ipairs(ids) do
    local record = records[i]
    local token = record and parseLease(record)
    reply[2 * i - 1], reply[2 * i] = id, ''
    if token == string.format('%.0f-%s', first + i - 1, nonce) then
      reply[2 * i] = envelopes[i]
      local text = string.match(record, '^l(%S+)')
      if text ~= '1' then
        counts[i] = text .. previousSpan(record)
      end
    end
  end
  return countsReply(counts), reply
end
