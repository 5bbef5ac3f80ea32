-- Chooses the entries that an acquire looks at if there is more than the normal band. Each id comes with its source: the band of
-- its list, or its member of `pending:typed`.

-- At least 3 of every 16 grants go to normal and 1 to low if such tasks wait. The grant number decides whose turn it is.
local function bandOfTurn(grant)
  local turn = grant % 16
  return turn == 7 and 'low' or (turn == 3 or turn == 8 or turn == 13) and 'normal' or 'high'
end

-- At most `count` entries, in the order in which to grant them. last: the place of the last entry looked at in each list. lines:
-- members that stand aside for the caller, by band, or nil; they are older than the entries of the lists.
local function peekBands(count, last, grants, lines)
  local peeked = {
    high = redis.call('LRANGE', pendingHighKey, 0, last),
    normal = redis.call('LRANGE', pendingKey, 0, last),
    low = redis.call('LRANGE', pendingLowKey, 0, last),
  }
  local fallback = { 'high', 'normal', 'low' }
  local aside, at = { high = 0, normal = 0, low = 0 }, { high = 0, normal = 0, low = 0 }
  local ids, sources = {}, {}
  for _, band in ipairs(lines and fallback or {}) do
    local line, listed = lines[band], peeked[band]
    aside[band], peeked[band] = #line, line
    for _, id in ipairs(listed) do
      line[#line + 1] = id
    end
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
    local entry = peeked[band][at[band]]
    local standsAside = at[band] <= aside[band]
    ids[#ids + 1] = standsAside and string.match(entry, '%S+$') or entry
    sources[#sources + 1] = standsAside and entry or band
  end
  return ids, sources
end

-- A task that has to run alone: one that stands aside, or the one at the head of the solo list.
local function peekSolo(last, line)
  if line and line[1] then
    return { string.match(line[1], '%S+$') }, { line[1] }
  end
  local ids, sources = redis.call('LRANGE', pendingSoloKey, 0, last), {}
  for i = 1, #ids do
    sources[i] = 'solo'
  end
  return ids, sources
end
