-- The one HSET that makes a turn (settle, acquire, or both) true: records, counters, and the reply for a repeat.
local PAUSED_FLAG, DRAIN_FLAG, SOLO_FLAG, AGAIN_FLAG, PARKED_FLAG = 1, 2, 4, 8, 16

-- Entries were looked at that gave no task: those behind them may.
local function hasMore(grants)
  return grants.dropped > 0 or #grants.expired > 0
end

local function turnFlags(settings, grants)
  return (settings.paused and PAUSED_FLAG or 0) + (grants.drain and DRAIN_FLAG or 0)
    + (grants.solo and #grants.ids > 0 and SOLO_FLAG or 0) + (hasMore(grants) and AGAIN_FLAG or 0)
end

-- An idle poll that changes nothing writes nothing, and has no reply worth keeping.
local function hasReply(grants, verdicts)
  return #grants.commit > 0 or verdicts ~= '' or grants.dropped > 0
end

-- What a repeat of the request is answered from.
local function turnReply(verdicts, grants, flags)
  return table.concat({ verdicts, ' ', string.format('%.0f', grants.first), ' ', flags, ' ', table.concat(grants.ids, ' ') })
end

local function commitTurn(counters, grants, verdicts, flags, settledCommit, purgeCommit)
  local values = {}
  if hasReply(grants, verdicts) then
    values = { '#counters', packCounters(counters), slot, requestRecord(sequence, turnReply(verdicts, grants, flags)) }
  end
  if grants.claim then
    values[#values + 1], values[#values + 2] = '#solo', grants.claim
  end
  local size = #values
  for _, commit in ipairs({ settledCommit, grants.commit, purgeCommit }) do
    for i = 1, #commit do
      values[size + i] = commit[i]
    end
    size = size + #commit
  end
  if #values > 0 then
    redis.call('HSET', stateKey, unpack(values))
  end
end
