-- Writes what an acquire has planned (lib/grants.lua).

-- Returns `<position>=<counts>` for each granted task with earlier attempts, for the reply. Positions begin at 1.
local function countsReply(counts)
  local parts = {}
  for place, text in pairs(counts) do
    parts[#parts + 1] = string.format('%d=%s', place, text)
  end
  return table.concat(parts, ' ')
end

-- Adds the tasks to the lists of their new states. Called before the commit.
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

-- Removes the tasks from the lists in which they were pending. Called after the commit.
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

-- Collects the events of the grants. Called before the commit.
local function noteGrants(grants)
  events.noteAll(EVENT_EXPIRED, table.concat(grants.expired, ' '), #grants.expired)
  events.noteAll(EVENT_STARTED .. workerId, grants.idsText, #grants.ids)
  events.number()
end
