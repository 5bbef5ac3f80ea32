-- Adds `by` to the tombstones. `source`: where the entry is: the name of its band, "keyed", or its member of
-- `pending:typed`, which begins with the number of the band. `aside`: whether the entry is in `pending:typed`.
local function countTombstone(counters, source, aside, by)
  counters[TOMBSTONES] = math.max(0, counters[TOMBSTONES] + by)
  local first = string.byte(source)
  local part = (first == 104 or first == 49) and TOMBSTONES_HIGH -- h, 1
    or (first == 108 or first == 51) and TOMBSTONES_LOW -- l, 3
    or (first == 115 or first == 48) and TOMBSTONES_SOLO -- s, 0
    or first == 107 and TOMBSTONES_KEYED -- k
  if part then
    counters[part] = math.max(0, counters[part] + by)
  end
  if aside then
    counters[TOMBSTONES_ASIDE] = math.max(0, counters[TOMBSTONES_ASIDE] + by)
  end
end
