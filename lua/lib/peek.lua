-- Chooses the entries that an acquire looks at if there is more than the normal band. Each id comes with its source: the band of
-- its list, its member of `pending:typed`, or the lane of its key (lib/turns.lua).

-- At least 3 of every 16 grants go to normal and 1 to low if such tasks wait. The grant number decides whose turn it is.
local function bandOfTurn(grant)
  local turn = grant % 16
  return turn == 7 and 'low' or (turn == 3 or turn == 8 or turn == 13) and 'normal' or 'high'
end

-- Tasks that stand aside go before the other tasks of their band, because they are older. Returns ids and their
-- sources.
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

-- At most `count` tasks, in the order in which to grant them. last: the place of the last entry looked at in each list. lines:
-- members that stand aside for the caller, by band, or nil. keyed: tasks with a key that may run, by band, or nil; they take turns with the
-- entries of the lists.
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

-- A task that has to run alone: one that stands aside, one with a key, or the one at the head of the solo list.
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
