-- The one HSET that makes a turn (settle, acquire, or both) true: records, counters, and the reply for a repeat.

-- Entries were looked at that gave no task: those behind them may. Or some were not looked at, since the caller did not tell
-- its types.
local function hasMore(grants)
  return grants.dropped > 0 or #grants.expired > 0 or grants.aside > 0 or grants.untold
end

local function turnFlags(settings, grants)
  return (settings.paused and REPLY_PAUSED or 0) + (grants.drain and REPLY_DRAIN or 0)
    + (grants.solo and #grants.ids > 0 and REPLY_ALONE or 0) + (hasMore(grants) and REPLY_AGAIN or 0)
    + (grants.typed and REPLY_TYPED or 0)
end

-- An idle poll that changes nothing writes nothing, and has no reply worth keeping.
local function hasReply(grants, verdicts)
  return grants.changed > 0 or verdicts ~= '' or grants.dropped > 0 or grants.aside > 0
end

-- What one HSET writes: all that is planned in a turn appends to it, so that nothing is copied.
local function newCommit()
  return { '#counters', '', slot, '' }
end

local function commitTurn(commit, counters, grants, verdicts, flags)
  if grants.claim then
    commit[#commit + 1], commit[#commit + 2] = '#solo', grants.claim
  end
  if hasReply(grants, verdicts) then
    commit[2], commit[4] = packCounters(counters), requestRecord(sequence, turnReply(verdicts, grants.firstText, flags, grants.idsText))
    redis.call('HSET', stateKey, unpack(commit))
  elseif grants.claim then -- nothing else was planned
    redis.call('HSET', stateKey, '#solo', grants.claim)
  end
end
