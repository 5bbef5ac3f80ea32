-- Chooses the entries that an acquire looks at, if there are tasks outside the normal band. Each id comes with its
-- source: the name of its band, its member of `pending:typed`, or the lane of its key (lib/turns.lua).

-- Of every 16 grants, at least 3 go to normal tasks and 1 to a low one, by the number of the grant.
local function bandOfTurn(grant)
  local turn = grant % 16
  return turn == 7 and 'low' or (turn == 3 or turn == 8 or turn == 13) and 'normal' or 'high'
end

-- Puts the tasks of `pending:typed` first in their band, because they have waited longer. Returns ids and sources.
local function behindAside(members, ids, sources, band)
  local allIds, allSources = {}, {}
  for i, member in ipairs(members) do
    allIds[i], allSources[i] = string.match(member, '%S+$'), member
  end
  for i, id in ipairs(ids) do
    allIds[#allIds + 1], allSources[#allSources + 1] = id, sources and sources[i] or band
  end
  return allIds, allSources
end

-- Returns at most `count` ids and their sources, in the order in which to grant them. `last`: how far to read each
-- list. `lines`: the members of `pending:typed` that the caller may take, by band, or nil. `keyed`: the tasks with a
-- key that may run, by band, or nil; they take turns with the tasks of the lists.
local function peekBands(count, last, grants, lines, keyed)
  local peeked = {
    high = redis.call('LRANGE', pendingHighKey, 0, last),
    normal = redis.call('LRANGE', pendingKey, 0, last),
    low = redis.call('LRANGE', pendingLowKey, 0, last),
  }
  local fallback, from = { 'high', 'normal', 'low' }, {}
  local at = { high = 0, normal = 0, low = 0 }
  local ids, sources = {}, {}
  for _, band in ipairs((keyed or lines) and fallback or {}) do
    if keyed then
      peeked[band], from[band] = limits.mix(limits, peeked[band], keyed[band], band)
    end
    if lines then
      peeked[band], from[band] = behindAside(lines[band], peeked[band], from[band], band)
    end
  end
  if from.normal and #peeked.normal <= count and #peeked.high + #peeked.low == 0 then -- nearly always: no band has to be chosen
    return peeked.normal, from.normal
  end
  for turn = 1, count do
    local band = bandOfTurn(grants + turn)
    if at[band] >= #peeked[band] then
      band = nil
      for _, other in ipairs(fallback) do
        if at[other] < #peeked[other] then
          band = other
          break
        end
      end
      if not band then
        break
      end
    end
    at[band] = at[band] + 1
    ids[turn] = peeked[band][at[band]]
    sources[turn] = from[band] and from[band][at[band]] or band
  end
  return ids, sources
end

-- Returns a task that has to run alone: the first one in `pending:typed`, otherwise the first one with a key. If there
-- is neither, returns the first entries of the solo list.
local function peekSolo(last, line, keyed)
  if line and line[1] then
    return { string.match(line[1], '%S+$') }, { line[1] }
  elseif keyed and keyed.ids[1] then
    return { keyed.ids[1] }, { keyed.lanes[1] }
  end
  local ids, sources = redis.call('LRANGE', pendingSoloKey, 0, last), {}
  for i = 1, #ids do
    sources[i] = 'solo'
  end
  return ids, sources
end
