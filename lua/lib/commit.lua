-- Returns whether the worker should ask again at once. There may be tasks behind entries that gave no task, in keys
-- that were not looked at, or in `pending:typed` if the worker did not name its types.
local function hasMore(grants)
  return grants.dropped > 0 or #grants.expired > 0 or grants.aside > 0 or grants.untold
    or grants.unseen
end

local function replyFlags(settings, grants)
  return (settings.paused and REPLY_PAUSED or 0) + (grants.makesRoom and REPLY_MAKE_ROOM or 0)
    + (grants.solo and #grants.ids > 0 and REPLY_ALONE or 0) + (hasMore(grants) and REPLY_AGAIN or 0)
    + (grants.typed and REPLY_TYPED or 0) + (ends and REPLY_ENDS or 0)
end

-- Returns whether the reply has to be stored for a repeat of the call. An acquire that changed nothing need not be
-- stored. With grants.unseen, it may have changed the order of the keys.
local function hasReply(grants, verdicts)
  return grants.changed > 0 or verdicts ~= '' or grants.dropped > 0 or grants.aside > 0 or grants.unseen
end

-- Returns the fields and values of the HSET that commits a settle or an acquire: records, counters and the stored
-- reply. All plans append to this one list, so that nothing is copied.
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
