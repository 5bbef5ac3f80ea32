-- Executes the plan of an acquire (lib/grants.lua).

-- Returns the counts of the granted tasks for the reply, as "place=counts" of each task that was granted before. The
-- first place is 1.
local function countsReply(counts)
  local parts = {}
  for place, text in pairs(counts) do
    parts[#parts + 1] = string.format('%d=%s', place, text)
  end
  return table.concat(parts, ' ')
end

-- Before the commit: adds the tasks to the indexes of their new states.
local function writeGrants(grants)
  if #grants.expired > 0 then
    redis.call('LPUSH', expiredKey, unpack(grants.expired))
  end
  if grants.moved then
    pushBands(grants.moved, false)
  end
  if #grants.leases > 0 then
    redis.call('ZADD', processingKey, unpack(grants.leases))
  end
  if limits and #limits.returned.keyed > 0 then
    limits.lineUp(limits, limits.returned.keyed, true)
  end
end

-- After the commit: removes the entries that the granted tasks had in the pending indexes.
local function trimGrants(grants)
  if #grants.left > 0 then
    redis.call('ZREM', pendingTypedKey, unpack(grants.left))
  end
  for band, count in pairs(grants.taken) do
    if count > 0 then
      redis.call('LTRIM', bandKeys[band], count, -1)
    end
  end
  if limits then
    limits.finishTurns(limits)
  end
end

-- Before the commit: notes the events of the grants.
local function noteGrants(grants)
  events.noteAll(EVENT_EXPIRED, table.concat(grants.expired, ' '), #grants.expired)
  events.noteAll(EVENT_STARTED .. workerId, grants.idsText, #grants.ids)
  events.number()
end
