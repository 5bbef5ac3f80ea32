-- The push: an enqueue into an empty queue leases the new tasks to an idle worker whose request is parked
-- (lib/parked.lua), and publishes them on the channel of the worker. If the message is lost, the worker repeats its
-- request and gets the stored reply.

-- The most tasks of one push. A larger burst wakes all workers instead, so that each takes some.
local PUSH_TASKS = 32
-- If the envelopes have more bytes than this, the message has no tasks, and the worker repeats its request to get them.
local PUSH_BYTES = 65536

-- Returns whether a worker runs all of these tasks. `types`: those that it named (lib/routes.lua); '' means all.
local function runsAll(types, tasks, at, pushed)
  if types == '' then
    return true
  end
-- include lib/envelope.lua
-- include lib/routes.lua
  local _, ruleOf = routesOf(types)
  local runs = true
  for place = 1, pushed do
    local name = typeOf(tasks[at + 2 * place - 1])
    local rule = name and ruleOf(name)
    if rule then
      rule.left = rule.left - 1
    end
    if name and (not rule or rule.left < 0) then
      runs = false
    end
  end
  return runs
end

-- Returns the first parked request whose worker is connected and runs the tasks, and the other requests as text.
-- Requests of workers that are not connected any more are left out.
local function takeParked(parked, tasks, at, pushed)
  local before = ''
  while parked ~= '' do
    local line, worker, parkedSlot, parkedSequence, want, leaseMs, maxRetries, nonce, types, others =
      string.match(parked, '^((%S+) (%S+) (%d+) (%d+) (%d+) (%S+) (%S+)([^\n]*))\n?(.*)$')
    if not worker then
      return nil
    end
    local channel = wakeKey .. ':' .. worker
    if not runsAll(types, tasks, at, pushed) then
      before = before .. line .. '\n'
    elseif redis.call('PUBSUB', 'SHARDNUMSUB', channel)[2] > 0 then
      return { workerId = worker, requestSlot = parkedSlot, sequence = parkedSequence, want = tonumber(want), leaseMs = tonumber(leaseMs),
        maxRetries = maxRetries, nonce = nonce, channel = channel }, others == '' and string.sub(before, 1, -2) or before .. others
    end
    parked = others
  end
end

local function trimBand(key, ids)
  if #ids > 0 then
    redis.call('LTRIM', key, #ids, -1)
  end
end

-- Leases new tasks to a worker, with a commit of its own after that of the enqueue. `tasks`: id, envelope, id, envelope
-- … from the index `at` on. `bands`: the same ids by list; these lists have no other entries. Returns false if no
-- worker took the tasks.
local function push(counters, parked, tasks, at, pushed, bands)
  local request, others
  if pushed <= PUSH_TASKS then
    request, others = takeParked(parked, tasks, at, pushed)
  end
  if not request or request.want < pushed then
    return false
  end
  local kept = redis.call('HGET', stateKey, request.requestSlot)
  if kept and tonumber(string.match(kept, '^%d+')) >= tonumber(request.sequence) then -- answered already
    return false
  end

  local plain, ownOf, maxRetries = leaseTerms(request)
  local termsOf, isExpired
  local firstText = string.format('%d', counters[GRANTS] + 1)
  local fence = fenceOf(firstText, request.nonce)
  -- `nil` makes room for one task, which most calls have, so that these tables need not grow (hot path).
  local commit = { '#counters', '', request.requestSlot, '', nil, nil }
  local ids, leases, heads, envelopes, bytes = { nil }, { nil, nil }, { nil }, { nil }, 0
  for place = 1, pushed do
    local id, envelope = tasks[at + 2 * place - 2], tasks[at + 2 * place - 1]
    local terms = plain
    if ownOf or string.byte(envelope) ~= ENVELOPE_PLAIN then
      if not termsOf then
        termsOf = termsFinder(request, plain, ownOf, maxRetries)
      end
      terms = termsOf(envelope)
    end
    isExpired = isExpired or terms.expiresAt > 0 and terms.expiresAt <= now
    ids[place], envelopes[place] = id, envelope
    leases[2 * place - 1], leases[2 * place] = terms.lease, id
    commit[2 * place + 3], commit[2 * place + 4] = id, 'l' .. terms.counts .. ' ' .. fence .. terms.tail
    heads[place] = id .. ' ' .. (terms.counts == '1' and '-' or terms.counts) .. ' ' .. #envelope .. '\n'
    bytes = bytes + #envelope
  end
  if isExpired then -- only an acquire reports expired tasks
    return false
  end
  add(counters, GRANTS, pushed)
  add(counters, PROCESSING, pushed)
  add(counters, PENDING, -pushed)
  commit[2] = packCounters(counters)
  commit[4] = keptReply(request.sequence, roundTripReply('', firstText, '0', table.concat(ids, ' ')))

  indexRequest(kept, 's', request.requestSlot)
  if events then
    events.noteAll(EVENT_STARTED .. request.workerId, table.concat(ids, ' '), pushed)
    events.number()
  end
  redis.call('ZADD', processingKey, unpack(leases))
  redis.call('HSET', stateKey, unpack(commit))
  trimBand(pendingHighKey, bands.high)
  trimBand(pendingKey, bands.normal)
  trimBand(pendingLowKey, bands.low)
  writeField('#parked', others)
  local inside = bytes <= PUSH_BYTES
  local head = request.requestSlot .. ' ' .. request.sequence .. ' ' .. nowText .. ' ' .. firstText .. ' ' .. (inside and pushed or 0) .. '\n'
  redis.call('SPUBLISH', request.channel, inside and head .. table.concat(heads) .. table.concat(envelopes) or head)
  return true
end
