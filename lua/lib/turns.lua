-- Fairness: the keys that may run, and the tasks without a key, take turns (lib/accounts.lua). These functions read the
-- waiting tasks in the order of their turns, and write the turns after the commit.

-- A lane is a key that may run, during one call. `entries`: its first tasks. `taken`: how many of them leave
-- `pending:keyed`. `granted`: how many grants are not yet counted in its account.

-- Reads at most `wanted` tasks of a lane that have the band of the lane. Sets lane.size, the number of tasks, and
-- lane.behind, the entry after them.
local function fill(lane, wanted)
  local found = redis.call('ZRANGEBYLEX', pendingKeyedKey, '[' .. lane.key .. ' ', '(' .. lane.key .. '!', 'LIMIT', 0, wanted + 1)
  local size = math.min(wanted, #found)
  while size > 0 and bandCodeOf(found[size], lane.key) ~= lane.code do
    size = size - 1
  end
  lane.entries, lane.size, lane.behind = found, size, found[size + 1]
  lane.hasMore = size == wanted and #found > wanted and wanted < lane.room
end

-- Turns are compared as whole numbers, because sorting with a comparison function is slower. A turn is rounded down to
-- a multiple of 1 / TURN_PARTS. A turn that is more than LAST_TURN parts after the lowest one counts as LAST_TURN. A
-- band has at most LINE_ENTRIES tasks in one call.
local TURN_PARTS, LINE_ENTRIES, LAST_TURN = 1024, 2048, 4e9 * 1024

-- With fair=time, the turns of two keys may differ by many tasks. So the next `want` tasks are chosen strictly by turn,
-- and `first` is how many of them each lane gets. If places were shared by weight, a key that has used up its time
-- would still get some in every call. The last of these turns is found by bisection in this many steps.
local HALVINGS = 16

local function countFirst(limits, lanes, want, base)
  local low, high = 0, 0
  for _, lane in ipairs(lanes) do
    lane.step = stepOf(limits, lane.key, lane.account.limit)
    high = math.max(high, lane.turn - base + want * lane.step)
  end
  local function upTo(last)
    local total = 0
    for _, lane in ipairs(lanes) do
      lane.first = math.max(0, math.min(lane.room, want, math.floor((last - lane.turn + base) / lane.step) + 1))
      total = total + lane.first
    end
    return total
  end
  for _ = 1, HALVINGS do
    local middle = (low + high) / 2
    if upTo(middle) < want then
      low = middle
    else
      high = middle
    end
  end
  upTo(high)
end

-- Orders the tasks of one band by turn. Returns about `want`, and from each lane at most as many as it has room for.
local function lineOf(limits, lanes, want)
  local weights, total, open, base = 0, 0, #lanes, math.huge
  for _, lane in ipairs(lanes) do
    weights, base = weights + lane.weight, math.min(base, lane.turn)
  end
  if limits.byTime and #lanes > 1 then
    countFirst(limits, lanes, want, base)
  end
  for _, lane in ipairs(lanes) do
    local wanted = lane.first or math.ceil(want * lane.weight / weights)
    wanted = wanted < want and wanted or want
    fill(lane, wanted < lane.room and wanted or lane.room)
    total = total + lane.size
  end
  -- Some keys have fewer tasks than their share, so the other keys get the remaining places.
  while total < want and open > 0 do
    local missing = want - total
    open = 0
    for _, lane in ipairs(lanes) do
      open = open + (lane.hasMore and 1 or 0)
    end
    for _, lane in ipairs(open > 0 and lanes or {}) do
      if lane.hasMore then
        total = total - lane.size
        fill(lane, math.min(lane.room, want, lane.size + math.ceil(missing / open)))
        total = total + lane.size
      end
    end
  end
  local order, of, ids, n, sub = {}, {}, {}, 0, string.sub
  for _, lane in ipairs(lanes) do
    -- If the next task of this key is in another band, a later call has to look at the key again.
    limits.more = limits.more or lane.behind ~= nil and bandCodeOf(lane.behind, lane.key) ~= lane.code
    local idAt, entries = #lane.key + 19, lane.entries
    local first, step = (lane.turn - base) * TURN_PARTS, stepOf(limits, lane.key, lane.account.limit) * TURN_PARTS
    local isWhole = first % 1 == 0 and step % 1 == 0 -- nearly always: no turn has to be rounded
    for i = 1, lane.size do
      local turn = first + (i - 1) * step
      turn = turn < LAST_TURN and turn or LAST_TURN
      order[n + 1] = (isWhole and turn or turn - turn % 1) * LINE_ENTRIES + n
      n = n + 1
      ids[n], of[n] = sub(entries[i], idAt), lane
    end
  end
  table.sort(order)
  local lineIds, lineLanes = {}, {}
  for place = 1, n do
    local at = order[place] % LINE_ENTRIES + 1
    lineIds[place], lineLanes[place] = ids[at], of[at]
  end
  return { ids = lineIds, lanes = lineLanes, turns = order, base = base }
end

-- Returns the lanes that have room among the first `want` keys of a band. found: key, score, key, score …
local function lanesOf(limits, code, found, want)
  local keys, lanes = {}, {}
  for i = 1, #found, 2 do
    keys[#keys + 1] = found[i]
  end
  loadAccounts(limits, keys)
  for i, key in ipairs(keys) do
    local account = limits.accounts[key]
    local turn = tonumber(found[2 * i]) - code * BAND_SPAN
    if turn > account.turn then
      account.turn = turn
    end
    local lane = { key = key, code = code, account = account, room = keyRoom(limits, key), entries = {}, size = 0, taken = 0, granted = 0,
      weight = account.limit.weight, turn = account.turn }
    limits.lanes[#limits.lanes + 1], limits.isLane[lane] = lane, true
    lanes[#lanes + 1] = lane.room > 0 and lane or nil
  end
  limits.more = limits.more or #keys == want
  return lanes
end

-- Returns, for each band, the tasks of the keys that may run: ids and lanes in the order of their turns. `held`: how
-- many tasks the worker holds.
local function peekKeyed(limits, want, held)
  local byBand, lines = { {}, {}, {}, {} }, {}
  local found = redis.call('ZRANGE', readyKey, 0, want - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local of = byBand[math.floor(tonumber(found[i + 1]) / BAND_SPAN) + 1]
    of[#of + 1], of[#of + 2] = found[i], found[i + 1]
  end
  for code, band in ipairs(bandNames) do
    if #found == 2 * want then -- there may be more keys, of lower bands
      byBand[code] = redis.call('ZRANGEBYSCORE', readyKey, string.format('%.0f', (code - 1) * BAND_SPAN), string.format('(%.0f', code * BAND_SPAN),
        'WITHSCORES', 'LIMIT', 0, want)
    end
    lines[band] = lineOf(limits, lanesOf(limits, code - 1, byBand[code], want), want)
    -- A worker that holds tasks never gets a task that has to run alone, so it need not ask again for one.
    limits.more = limits.more and not (band == 'solo' and held > 0)
  end
  return lines
end

-- Merges the tasks without a key (from a list) and those with keys (`line`), by turn.
local function mix(limits, listed, line, band)
  if #listed == 0 then
    return line.ids, line.lanes
  end
  local ids, sources, at = {}, {}, 1
  local turn, step = turnOf(limits, '', limits.queue), stepOf(limits, '', limits.queue)
  limits.own.turn = turn -- otherwise each call would compute a new turn, always one step ahead
  local function addUpTo(mixedTurn)
    while line.ids[at] and line.base + line.turns[at] / LINE_ENTRIES / TURN_PARTS < mixedTurn do
      ids[#ids + 1], sources[#sources + 1], at = line.ids[at], line.lanes[at], at + 1
    end
  end
  for i, id in ipairs(listed) do
    addUpTo(turn + (i - 1) * step)
    ids[#ids + 1], sources[#sources + 1] = id, band
  end
  addUpTo(math.huge)
  return ids, sources
end

-- A lane with at least this many taken entries removes them as one range. One command removes all others.
local RANGE_ENTRIES = 4

-- Returns whether the next task of some key has to run alone: band 0, so the score of the key is below BAND_SPAN.
local function hasSolo()
  return redis.call('ZCOUNT', readyKey, '-inf', string.format('(%.0f', BAND_SPAN)) > 0
end

-- Removes keys without room or tasks from `ready`, and writes the new turns of the others. Called after the commit.
local function finishTurns(limits)
  local turns, entries = {}, {}
  for _, lane in ipairs(limits.lanes) do
    if lane.taken >= RANGE_ENTRIES then -- entries that this call added are outside of this range
      redis.call('ZREMRANGEBYLEX', pendingKeyedKey, '[' .. lane.entries[1], '[' .. lane.entries[lane.taken])
    else
      for i = 1, lane.taken do
        entries[#entries + 1] = lane.entries[i]
      end
    end
  end
  if #entries > 0 then
    redis.call('ZREM', pendingKeyedKey, unpack(entries))
  end
  for _, lane in ipairs(limits.lanes) do
    local following = lane.entries[lane.taken + 1]
    if lane.room == 0 or limits.lined[lane.key] then
      following = headOf(lane.key)
    end
    if not following or lane.account.refusedUntil or lane.room < math.huge and keyRoom(limits, lane.key) == 0 then
      limits.left[#limits.left + 1] = lane.key
      if isTimed(lane.account) then
        rest(limits, lane.key)
      end
      if not following and lane.account.meanMs then
        change(limits, lane.key) -- so that finishAccounts removes the account
      end
    elseif lane.taken > 0 or bandCodeOf(following, lane.key) ~= lane.code then
      turns[#turns + 1], turns[#turns + 2] = readyScore(limits, lane.key, bandCodeOf(following, lane.key)), lane.key
    end
  end
  if #turns > 0 then
    redis.call('ZADD', readyKey, unpack(turns))
  end
  finishAccounts(limits)
end

-- Prepares the limits for an acquire. Sets these fields:
--
--   own           the account of the queue
--   current       the turn up to which earlier calls granted tasks
--   lowest, highest   the lowest and the highest of the last turns that this call grants to the keys
--   lanes         the keys that this call looks at
--   unkeyed       the lane of the tasks without a key
--   returned      the tasks that go back to the lines of their keys
--   more          there may be more ready keys
--   isCostly      every further task is checked, because an earlier one costs more than 1 or comes from no lane
local function takeTurns(limits)
  limits.own, limits.lanes, limits.isLane, limits.unkeyed, limits.returned = accountOf(limits, ''), {}, {}, { granted = 0 }, newBands()
  limits.current, limits.lowest, limits.highest = limits.own.running, math.huge, 0
  limits.more, limits.isCostly = false, false
  limits.refusal, limits.charge, limits.countLanes, limits.hasSolo = refusal, charge, countLanes, hasSolo
  limits.limitedType, limits.typeRoom = limitedType, typeRoom
  limits.peek, limits.mix, limits.finishTurns = peekKeyed, mix, finishTurns
end
