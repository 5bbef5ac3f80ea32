-- Used by flow_advance: counts the ends of nodes in their flow, and finds out whether the flow has ended.

local MOMENT_LETTERS = { dead = 'D', cancelled = 'X', success = 'S', done = 'N' }
local COUNTED = { c = 'completed', d = 'dead', x = 'cancelled', v = 'cancelled', m = 'cancelled', e = 'expired' }

local function countReplayable(flow, letter)
  if letter == 'd' or letter == 'b' then
    flow.replayable = flow.replayable + 1
  elseif letter == 'y' or letter == 'k' or letter == 'g' then
    flow.replayable = flow.replayable - 1
  end
end

-- Counts the end, or the replay, of a node. Called once per end, even if several calls work on the nodes behind it.
local function countEnd(flow, letter, policy)
  if letter == 'c' then
    flow.completed = flow.completed + 1
    return
  end
  local fault = policy == 'c' and 0 or 1
  local name = COUNTED[letter]
  if name then
    flow[name] = flow[name] + 1
    flow.faults = flow.faults + fault
    flow.waiting = flow.waiting - (letter == 'v' and 1 or 0)
  elseif letter == 'y' then
    flow.dead, flow.faults, flow.isReplayed = flow.dead - 1, flow.faults - fault, true
  end
  countReplayable(flow, letter)
end

-- Counts the end, or the replay, of a callback.
local function countCall(flow, letter)
  if COUNTED[letter] then
    flow.calls = flow.calls - 1
  elseif letter == 'y' then
    flow.calls = flow.calls + 1
  end
  countReplayable(flow, letter)
end

-- Enqueues the callback of a moment, unless the flow has none or it was enqueued before.
local function call(flow, moment)
  local letter = MOMENT_LETTERS[moment]
  if isFlow(flow, letter) then
    return
  end
  flow.letters = flow.letters .. letter
  local id = flow.name .. ':' .. moment
  local part, envelope = string.match(redis.call('HGET', stateKey, '%' .. id) or '', '^>?(%S*) ?(&.*)$')
  if envelope then
    local c = newCounts()
    c.flags = FLAG_NODE
    envelopes[#envelopes + 1], envelopes[#envelopes + 2] = id, envelope
    totals.made, flow.calls = totals.made + 1, flow.calls + 1
    if part ~= '' then
      write(id, sendNode(flow.name, part, id, c))
      totals.leaving = totals.leaving + 1
      return
    end
    write(id, putInPlace(places, counters, id, c, optionsOfPlace(envelope)))
    tell(string.byte(values[id]) == RECORD_SCHEDULED and EVENT_SCHEDULED or EVENT_ENQUEUED, id)
  end
end

-- A flow has ended if it is sealed and all its nodes have ended. It is over if its callbacks have ended too and no task
-- of it can be replayed. Finds out whether either has changed, and does what follows from that.
local function conclude(flow)
  local hasEnded = isFlow(flow, 's') and flow.completed + flow.dead + flow.cancelled + flow.expired + flow.skipped == flow.total
  -- If a node was replayed and has ended again before this call, the flow has ended once more.
  if hasEnded and (flow.endedAt == 0 or flow.isReplayed) then
    totals.running = totals.running - (flow.endedAt == 0 and 1 or 0)
    flow.endedAt = now
    if isFlow(flow, 'x') then
      call(flow, 'cancelled')
    elseif flow.faults == 0 then
      call(flow, 'success')
    end
    call(flow, 'done')
    due[flow.name] = heldScore(flow)
    tell(EVENT_FLOW_ENDED .. (isFlow(flow, 'x') and 'cancelled' or flow.faults == 0 and 'success' or 'failed'), flow.name)
  elseif not hasEnded and flow.endedAt > 0 then
    flow.endedAt, totals.running = 0, totals.running + 1
    due[flow.name] = heldScore(flow)
  end
  local isOver = hasEnded and flow.calls == 0 and flow.replayable == 0
  if isOver and not isFlow(flow, 'k') then
    flow.letters, totals.kept = flow.letters .. 'k', totals.kept + flow.total + 1
    due[flow.name] = string.format('%.0f', now + settings.retentionMs)
  elseif not isOver and isFlow(flow, 'k') then
    flow.letters, totals.kept = string.gsub(flow.letters, 'k', ''), totals.kept - flow.total - 1
    due[flow.name] = heldScore(flow)
  end
end
