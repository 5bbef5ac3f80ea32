-- The commit of a round trip (settle, acquire, or both): one HSET of records, counters, and the reply for a repeat.

-- Whether the caller should ask again. Entries that were looked at gave no task, but entries behind them may. Or some
-- entries were not looked at, because the caller did not send its types or because there are many keys.
local function hasMore(grants)
  return grants.dropped > 0 or #grants.expired > 0 or grants.aside > 0 or grants.untold
    or grants.unseen
end

local function replyFlags(settings, grants)
  return (settings.paused and REPLY_PAUSED or 0) + (grants.makesRoom and REPLY_MAKE_ROOM or 0)
    + (grants.solo and #grants.ids > 0 and REPLY_ALONE or 0) + (hasMore(grants) and REPLY_AGAIN or 0)
    + (grants.typed and REPLY_TYPED or 0) + (grants.ends and REPLY_ENDS or 0)
end

-- A poll that changes nothing writes nothing. Its reply need not be kept. A call that met only keys whose next tasks are in other bands has
-- changed the order of the keys.
local function hasReply(grants, verdicts)
  return grants.changed > 0 or verdicts ~= '' or grants.dropped > 0 or grants.aside > 0 or grants.unseen
end

-- The arguments of the HSET that commits. Every plan of the round trip appends to them, so that nothing is copied.
local function newCommit()
  return { '#counters', '', requestSlot, '' }
end

local function commitRoundTrip(commit, counters, grants, verdicts, flags)
  if grants.claim then
    commit[#commit + 1], commit[#commit + 2] = '#solo', grants.claim
  end
  if limits then
    limits.write(limits, commit)
  end
  if hasReply(grants, verdicts) then
    commit[2], commit[4] = packCounters(counters), keptReply(sequence, roundTripReply(verdicts, grants.firstText, flags, grants.idsText))
    redis.call('HSET', stateKey, unpack(commit))
  elseif grants.claim then -- nothing else was planned
    redis.call('HSET', stateKey, '#solo', grants.claim)
  end
end
