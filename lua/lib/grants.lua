-- Decides which tasks an acquire grants, and plans the writes, which lib/grant_writes.lua makes.

-- Returns the counts of a pending task after this grant. routed: the worker has named the type of the task.
local function countsAfter(record, terms, routed)
  if not record then
    return terms.counts
  end
  local c = parseCounts(record)
  c.attempts = c.attempts + 1
  if routed then
    c.unroutedSince = 0
  end
  for flag in string.gmatch(terms.flags, '%a') do
    setFlag(c, flag)
  end
  return countsText(c)
end

-- The plan of an acquire:
--
--   ids, envelopes, counts   the granted tasks, and for each of them what countsReply reports
--   idsText       the granted ids, as they are stored for a repeat of the request
--   named         the granted and the expired ids, as the reply has them
--   leases        the entries that are added to `processing`
--   expired       the ids of the tasks whose `expiresAt` has passed
--   taken         for each band, how many entries are removed from the start of its list
--   left          the members that are removed from `pending:typed`
--   changed       how many tasks are granted or expired
--   dropped       how many entries are removed because their task does not wait there any more
--   aside         how many tasks move to `pending:typed` (lib/typed.lua), or from there back to the line of their key
--   moved, isMoved   the tasks that wait elsewhere, by band, and their ids as a set; nil if there are none
--   firstText     the number of the first grant, as text
--   solo          whether only a task that has to run alone can be granted now
--   makesRoom, claim   whether the worker is asked to end its tasks, so that a task can run alone; and the new value of
--                 the field `#solo`
--   typed         whether `pending:typed` has entries
--   untold        whether `pending:typed` has entries, but the worker did not say which types it runs
--   unseen        whether more keys may run than this acquire looked at
--   fillAt        the time until which a batch waits for more tasks (lib/fill.lua)
--   nodes         the nodes that end or are not granted: id, mark of the end (lib/flows.lua) and counts; nil if there
--                 are none
--   handed        how many nodes of cancelled flows were not granted; nil if there are none
local function newGrants()
  return { ids = {}, idsText = '', named = '', leases = {}, envelopes = {}, counts = {}, expired = {}, taken = { high = 0, normal = 0, low = 0, solo = 0 },
    left = {}, changed = 0, dropped = 0, aside = 0, firstText = '', solo = false, makesRoom = false, claim = nil,
    typed = false, untold = false, unseen = false }
end

local byte = string.byte

-- Returns whether a pending task has to run alone. Records without commas have no counters and are not parsed. Nodes of
-- flows have counters, and often the same record as the node before, so the last result is cached.
local asked, answered
local function runsAlone(record)
  if byte(record, 3) ~= 44 and byte(record, 4) ~= 44 and byte(record, 5) ~= 44 then -- a comma
    return false
  end
  if record ~= asked then
    asked, answered = record, needsSolo(parseCounts(record))
  end
  return answered
end

-- Returns whether the task waits somewhere else than at this entry, because a change (transitions/change.lua) has left
-- its old entry behind. The acquire then adds an entry where the task belongs. Dropping the old entry is not enough,
-- because a janitor of an earlier version may have dropped the right one. A task without a record was not changed,
-- unless the change was aborted.
local function isLeftBehind(terms, record, lane, source)
  if lane then
    return terms.key ~= lane.key or record and lane.code > 0 and (bandNames[lane.code + 1] ~= terms.band or runsAlone(record))
  end
  return bandKeys[source] and (terms.key ~= '' or record and source ~= 'solo' and (source ~= terms.band or runsAlone(record)))
end

-- A worker that names its types looks at this many entries or more, because some may be for other workers.
local LOOKED_AT = 16

-- Plans an acquire and appends its records to `commit`. Fields of `request`:
--
--   want     how many tasks the worker wants
--   held     how many tasks the worker holds; a task that runs alone goes only to a worker that holds none
--   typed    see lib/typed.lua; nil if the worker sent no types and no type has a limit
--   leaseMs, maxRetries, workerId, nonce   as in the header of the script
local function planAcquire(counters, request, soloClaim, commit)
  local grants = newGrants()
  local want, workerId, leaseMs = request.want, request.workerId, request.leaseMs
  local typed = request.typed and request.typed.rules and request.typed
  grants.firstText = string.format('%d', counters[GRANTS] + 1)
  local claimant, untilMs
  if soloClaim then
    claimant, untilMs = string.match(soloClaim, '^(%S+) (%d+)$')
  end
  if want == 0 then
    -- A worker that ends its tasks for a solo task (one that has to run alone) acquires nothing, and keeps its claim.
    if claimant == workerId and (redis.call('LLEN', pendingSoloKey) > 0 or limits and limits.hasSolo()) then
      grants.makesRoom = true
      grants.claim = string.format('%s %.0f', workerId, now + leaseMs)
    end
    return grants
  end
  if limits then
    want = math.min(want, limits.queueRoom(limits, counters[PROCESSING]))
    if want == 0 then
      return grants
    end
  end
  local ids, sources
  -- Most queues use only the normal band, so one EXISTS checks the four other lists.
  if typed or limits or redis.call('EXISTS', pendingHighKey, pendingLowKey, pendingSoloKey, pendingTypedKey) > 0 then
-- include lib/peek.lua
    local count, lines = typed and math.max(want, LOOKED_AT) or want, nil
    local keyed = limits and limits.peek(limits, count, request.held)
    if keyed and typed and limits.ordered and #keyed.solo.ids > 0 then
-- include lib/own_solo.lua
      grants.typed = leaveOutSolo(typed, keyed.solo)
    end
    if redis.call('EXISTS', pendingTypedKey) == 1 then
      grants.typed, grants.untold = true, not typed
      lines = typed and typed.peek(typed, want)
      count = count + (typed and typed.besides or 0)
    end
    if redis.call('LLEN', pendingSoloKey) > 0 or lines and #lines.solo > 0 or keyed and #keyed.solo.ids > 0 then
      if request.held == 0 then
        want, grants.solo = 1, true
        ids, sources = peekSolo(typed and count - 1 or 0, lines and lines.solo, keyed and keyed.solo)
      elseif not claimant or claimant == workerId or tonumber(untilMs) <= now then
        -- Only one worker at a time is asked to end its tasks for a solo task. Its claim ends after leaseMs.
        grants.makesRoom = true
        grants.claim = string.format('%s %.0f', workerId, now + leaseMs)
      end
    end
    if not ids then
      ids, sources = peekBands(count, count - 1, counters[GRANTS], lines, keyed)
    end
  else
    ids = redis.call('LRANGE', pendingKey, 0, want - 1)
  end
  if #ids == 0 then
    grants.unseen = limits ~= nil and limits.more
    return grants
  end

  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  if typed and typed.waitToFill then
    grants.fillAt = typed.waitToFill(typed, ids, sources, records, envelopes, want)
  end
  local plain, ownOf, maxRetries = leaseTerms(request)
  local termsOf
  local fence = fenceOf(grants.firstText, request.nonce)

  local leases, granted, grantedEnvelopes, seen, expiredEnvelopes = grants.leases, grants.ids, grants.envelopes, {}, {}
  local place, size = 0, #commit
  -- Building strings is expensive in Lua. Tasks with the same options and the same history get the same record, because
  -- they share the fence. So one record is built for a row of such tasks.
  local pastOf, termsBefore, leased, told
  local taken, left, hasLimits = grants.taken, grants.left, limits ~= nil
  local hasTypes = hasLimits and limits.types ~= nil
  if not sources then
    taken.normal = #ids
  end
  for i = 1, #ids do
    local id, record, envelope = ids[i], records[i] or nil, envelopes[i] or nil
    local first = envelope and byte(envelope)
    local lane, isBehind, terms, isDropped, isMoved, isAsked, isAside, isFull, ofType
    if sources then
      if place == want then
        break -- the acquire looks at more entries than it wants tasks
      end
      local source = sources[i]
      lane = hasLimits and limits.isLane[source] and source
      isBehind = lane and lane.account.refuses
      if lane then
        lane.taken = lane.taken + (isBehind and 0 or 1)
      elseif taken[source] then
        taken[source] = taken[source] + 1
      else
        left[#left + 1] = source
      end
    end
    if seen[id] then
      isDropped = true
    elseif not ownOf and first == ENVELOPE_PLAIN and not record and not typed then
      terms = plain
    elseif isBehind then
      terms = nil -- an earlier task of the same key was not granted
    elseif first == nil or record and byte(record) ~= RECORD_PENDING or not record and first == ENVELOPE_SCHEDULED then
      isDropped = true -- it is not pending
    else
      -- Most nodes have no options, and looking for "=" is faster than finding the end of the first line.
      local isPlain = first == ENVELOPE_PLAIN or first == ENVELOPE_NODE and not string.find(envelope, '=', 1, true)
      terms = plain
      if ownOf or not isPlain then
        if not termsOf then
          termsOf = termsFinder(request, plain, ownOf, maxRetries)
        end
        terms = termsOf(envelope)
      end
      if first == ENVELOPE_NODE and not grants.isOfCancelledFlow then
-- include lib/cancelled_flow.lua
        grants.isOfCancelledFlow = isOfCancelledFlow
      end
      -- A task with the same record and options as the one that was granted before it needs no check of its place.
      local isAlike = not sources and record == pastOf and terms == termsBefore
      if not isAlike and (record or terms.key ~= (lane and lane.key or '')) and isLeftBehind(terms, record, lane, sources and sources[i] or 'normal') then
        terms, isMoved = nil, true
      elseif terms.expiresAt > 0 and terms.expiresAt <= now then
        local c = record and parseCounts(record) or newCounts()
        if terms.given then
          setFlag(c, FLAG_GIVEN)
        end
        seen[id] = true
        if hasFlag(c, FLAG_NODE) then
          grants.nodes = grants.nodes or {}
          grants.nodes[#grants.nodes + 1] = { id = id, mark = 'e', counts = c }
        end
        grants.expired[#grants.expired + 1] = id
        expiredEnvelopes[#expiredEnvelopes + 1] = envelope
        commit[size + 1], commit[size + 2] = id, 'e' .. countsText(c) .. ' ' .. nowText .. historyOf(record)
        size = size + 2
        terms = nil
      elseif first == ENVELOPE_NODE and grants.isOfCancelledFlow(grants, id) then
        local c = parseCounts(record)
        seen[id] = true
        grants.nodes = grants.nodes or {}
        grants.nodes[#grants.nodes + 1] = { id = id, mark = 'h', counts = c }
        grants.handed, grants.dropped = (grants.handed or 0) + 1, grants.dropped + 1
        commit[size + 1], commit[size + 2] = id, 'w' .. countsText(c) .. ' 0' .. historyOf(record)
        size = size + 2
        terms = nil
      elseif typed and not typed.canRun(typed, envelope) then
        terms = nil
        if lane and limits.ordered then
          -- The task is not put aside, because in strict order later tasks of its key must not overtake it.
          lane.account.refuses, lane.taken = true, lane.taken - 1
          grants.typed = true
        elseif lane or taken[sources[i]] then
          isAside = true
        else -- it was put aside already, and the worker takes no more of its type now
          table.remove(left)
        end
      end
    end
    if hasLimits and terms then
      ofType = hasTypes and limits.limitedType(limits, envelope)
      isAsked = limits.isCostly or terms.cost ~= 1 or not lane and terms.key ~= '' or ofType
      local refusal = isAsked and limits.refusal(limits, terms, ofType)
      if refusal then
        terms, isFull = nil, refusal == 'type'
        if isFull and (lane or taken[sources[i]]) then
          isAside = true
        elseif lane then
          lane.taken = lane.taken - 1
        elseif refusal == 'key' then -- the task was put aside: it goes back to the line of its key
          local c = record and parseCounts(record) or newCounts()
          c.unroutedSince = 0
          seen[id] = true
          addPending(limits.returned, id, envelope, c)
          commit[size + 1], commit[size + 2] = id, 'p' .. countsText(c) .. historyOf(record)
          size, grants.aside = size + 2, grants.aside + 1
        elseif taken[sources[i]] then
          taken[sources[i]] = taken[sources[i]] - 1
        else
          table.remove(left)
        end
        if refusal == 'queue' then
          break
        end
      end
    end
    if terms then
      if hasLimits then
        if isAsked then
          limits.charge(limits, terms, ofType)
        else
          local counted = lane or limits.unkeyed
          counted.granted = counted.granted + 1
        end
      end
      if terms ~= termsBefore or record ~= pastOf then
        termsBefore, pastOf = terms, record
        leased, told = not record and not ofType and terms.leased, terms.told
        if not leased then
          local counts, counted = countsAfter(record, terms, typed), ofType and terms.key .. string.sub(ofType, 2) or terms.key
          leased = 'l' .. counts .. (counted == '' and '' or '@' .. counted) .. ' ' .. fence .. terms.tail .. historyOf(record)
          -- The reply has no counts for a first attempt, not even for the first attempt of a node of a flow.
          told = counts ~= '1' and not string.find(counts, '^1f[^z]*$') and counts .. previousSpan(record) or nil
          if not record and not ofType then
            terms.leased, terms.told = leased, told
          end
        end
        if ofType then
          termsBefore = nil -- the record names the type, which the next task may not have
        end
      end
      seen[id] = true
      commit[size + 1], commit[size + 2] = id, leased
      place, size = place + 1, size + 2
      leases[2 * place - 1], leases[2 * place] = terms.lease, id
      granted[place], grantedEnvelopes[place] = id, envelope
      if told then
        grants.counts[place] = told
      end
    elseif isAside then
      local c = record and parseCounts(record) or newCounts()
      seen[id] = true
      request.typed.standAside(request.typed, id, envelope, c, isFull, record)
      commit[size + 1], commit[size + 2] = id, 'p' .. countsText(c) .. historyOf(record)
      size, grants.aside = size + 2, grants.aside + 1
      if sources[i] == 'solo' and claimant == workerId then
        grants.claim = '- 0'
      end
    elseif isMoved and not (grants.isMoved and grants.isMoved[id]) then
      grants.moved, grants.isMoved = grants.moved or newBands(), grants.isMoved or {}
      grants.isMoved[id], grants.dropped = true, grants.dropped + 1
      addPending(grants.moved, id, envelope, record and parseCounts(record) or newCounts())
    elseif isDropped or isMoved then
      local source = lane and 'keyed' or sources and sources[i] or 'normal'
      grants.dropped = grants.dropped + 1
-- include lib/tombstones.lua
      countTombstone(counters, source, not lane and not bandKeys[source], -1)
    end
  end
  if grants.nodes then
-- include lib/ends.lua
    for _, node in ipairs(grants.nodes) do
      addEnd(node.id, node.mark, node.counts)
    end
  end
  if limits then
    limits.countLanes(limits)
  end
  grants.typed = grants.typed or grants.aside > 0
  -- Expired tasks come last in the reply. They are not granted; the worker only reports them.
  local expired = #grants.expired
  for i = 1, expired do
    grants.envelopes[place + i], grants.counts[place + i] = expiredEnvelopes[i], 'e'
  end
  grants.changed = place + expired
  grants.idsText = table.concat(granted, ' ')
  grants.named = grants.idsText
  if expired > 0 then
    add(counters, EXPIRED, expired)
    add(counters, EXPIRED_TOTAL, expired)
    grants.named = (place > 0 and grants.idsText .. ' ' or '') .. table.concat(grants.expired, ' ')
  end
  grants.unseen = limits ~= nil and limits.more and place < want
  add(counters, GRANTS, place)
  add(counters, PROCESSING, place)
  add(counters, PENDING, -place - expired - (grants.handed or 0))
  return grants
end
