-- Grant by push: what was just enqueued on an idle queue is leased to a worker that waits for it, in the name of its parked
-- request, and sent to it. Nothing is popped: a message that gets lost is recovered by repeating the request, whose reply
-- is recorded as if it had been asked now.

-- Tasks of one push; a burst wakes all by a hint instead, so that each takes its share.
local PUSH_TASKS = 32
-- A larger push goes without the tasks: the worker repeats its request to get them.
local PUSH_BYTES = 65536

-- The first parked request whose worker listens, and those behind it.
local function takeParked(parked)
  local lines = parkedLines(parked)
  for i, line in ipairs(lines) do
    local worker, parkedSlot, parkedSequence, want, leaseMs, maxRetries, nonce =
      string.match(line, '^(%S+) (%S+) (%d+) (%d+) (%d+) (%d+) (%S+)$')
    local channel = wakeKey .. ':' .. (worker or '')
    if worker and redis.call('PUBSUB', 'SHARDNUMSUB', channel)[2] > 0 then
      return { workerId = worker, slot = parkedSlot, sequence = tonumber(parkedSequence), want = tonumber(want), held = 1,
        leaseMs = tonumber(leaseMs), maxRetries = tonumber(maxRetries), nonce = nonce, channel = channel },
        table.concat(lines, '\n', i + 1)
    end
  end
  return nil, ''
end

local function message(request, grants, flags)
  local heads, bodies, bytes = {}, {}, 0
  local granted = #grants.ids
  for place, envelope in ipairs(grants.envelopes) do
    local id = grants.ids[place] or grants.expired[place - granted]
    heads[#heads + 1] = string.format('%s %s %d\n', id, grants.counts[place] or '-', #envelope)
    bodies[#bodies + 1] = envelope
    bytes = bytes + #envelope
  end
  local inside = bytes <= PUSH_BYTES
  local head = string.format('%s %.0f %s %.0f %d %d\n', request.slot, request.sequence, nowText, grants.first,
    inside and #heads or 0, flags)
  return inside and head .. table.concat(heads) .. table.concat(bodies) or head
end

-- A transition of its own, after the commit of the enqueue. False where nobody was there to take the tasks.
local function push(counters, parked, pushed)
  if pushed > PUSH_TASKS or redis.call('LLEN', pendingSoloKey) > 0 then
    return false
  end
  local request, others = takeParked(parked)
  if not request or request.want < pushed then
    return false
  end
  local record = redis.call('HGET', stateKey, request.slot)
  if record and tonumber(string.match(record, '^%d+')) >= request.sequence then -- answered already
    return false
  end
  local commit = {}
  local grants = planAcquire(counters, request, nil, commit)
  if #commit == 0 then
    return false
  end
  local flags = grants.shared and SHARED_FLAG or 0
  indexRequest(record, 's', request.slot)
  writeGrants(grants)
  redis.call('HSET', stateKey, '#counters', packCounters(counters), request.slot,
    requestRecord(request.sequence, turnReply('', grants, flags)), unpack(commit))
  trimGrants(grants)
  writeParked(others)
  redis.call('SPUBLISH', request.channel, message(request, grants, flags))
  return true
end
