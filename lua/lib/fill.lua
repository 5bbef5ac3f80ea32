-- Batches that wait until they are full. A worker with the rule `<type>/<most>/<fill>/<waitMs>` (lib/routes.lua) takes
-- tasks of this type only if `fill` of them wait, or if one of them has waited for `waitMs`. With `k` at the end, this
-- is checked for each key. The waiting tasks are in `pending:typed` without a lease, so any worker with their type can
-- take them.

-- Returns when a pending task stops waiting for its batch, ms since the epoch. A task of high priority or with earlier
-- attempts does not wait, and neither does a delayed task that the limit of its type has put aside, because nothing says
-- since when it waits. A task with `expiresAt` stops at least `waitMs` before that time.
local function ripeAt(rule, record, envelope, wasAside)
  local c = record and parseCounts(record) or newCounts()
  if c.attempts + c.failures + c.crashes + c.releases + c.generation + c.limited > 0 or bandOf(envelope, c) == 'high' then
    return 0
  end
  local since = c.unroutedSince > 0 and c.unroutedSince or now
  if string.byte(envelope) == ENVELOPE_SCHEDULED then
    if wasAside and c.unroutedSince == 0 then
      return 0
    end
  else
    since = math.min(since, tonumber(string.match(envelope, '^%S+ (%w+)') or '', 36) or now)
  end
  local expiresAt = tonumber(option(envelope, 'e'))
  return expiresAt and math.min(since, expiresAt - 2 * rule.waitMs) + rule.waitMs or since + rule.waitMs
end

-- Returns the batch that a task belongs to: the rule itself, or with `k` the group of its key. In strict order one task
-- of a key runs at a time, so nothing else fills its batch.
local function groupOf(rule, envelope)
  if not rule.groups then
    return rule
  end
  local key = keyOption(envelope) or ''
  local group = rule.byKey[key]
  if not group then
    group = { found = 0, ripeAt = key ~= '' and limits and limits.ordered and 0 or math.huge, left = 0 }
    rule.byKey[key], rule.groups[#rule.groups + 1] = group, group
  end
  return group
end

local function waits(group, rule)
  return group.found > 0 and group.found < rule.fill and group.ripeAt > now
end

-- Decides how many tasks of each key are taken, beginning with the key of the oldest task. A key that need not wait any
-- longer gives all its tasks. A full batch is taken whole or not at all, unless a limit of the queue leaves room only
-- for a part of any batch. `want`: how many tasks the queue may start.
local function chooseKeys(rule, want)
  local left, untilMs = math.min(rule.left, want), math.huge
  local whole = math.min(rule.fill, left)
  for _, group in ipairs(rule.groups) do
    if waits(group, rule) then
      untilMs = math.min(untilMs, group.ripeAt)
    elseif left >= whole or group.ripeAt <= now then
      group.left = math.min(left, group.found)
      left = left - group.left
    end
  end
  return untilMs
end

-- Returns whether an entry is one of `pending:typed`, and not of a list or a lane (lib/peek.lua).
local function isAside(source)
  return not bandKeys[source] and not (limits and limits.isLane[source])
end

-- Called before tasks are granted. Marks the batches that have to wait; no task of such a batch is granted. Returns
-- when the first of them stops waiting; nil if none waits.
local function waitToFill(typed, ids, sources, records, envelopes, want)
  local untilMs = math.huge
  for i = 1, #ids do
    local envelope = envelopes[i] or nil
    local name = envelope and isPending(records[i] or nil, envelope) and typeOf(envelope)
    local rule = name and typed.ruleOf(name)
    if rule and rule.fill then
      local group = groupOf(rule, envelope)
      group.found = group.found + 1
      if group.ripeAt > now then
        group.ripeAt = math.min(group.ripeAt, ripeAt(rule, records[i] or nil, envelope, isAside(sources[i])))
      end
    end
  end
  for _, rule in ipairs(typed.rules) do
    if rule.groups then
      untilMs = math.min(untilMs, chooseKeys(rule, want))
    elseif rule.fill and waits(rule, rule) then
      rule.left = 0
      untilMs = math.min(untilMs, rule.ripeAt)
    end
  end
  return untilMs < math.huge and untilMs or nil
end

-- For a rule with `k`, a call looks at up to LOOKED_AT_BATCHES batches and LOOKED_AT_TASKS tasks. For any other rule it
-- looks at as many as it may take: if a limit leaves room for a part of a batch, the call still has to see a full one.
local LOOKED_AT_BATCHES, LOOKED_AT_TASKS = 16, 500

-- Parses the batch options of the rules. Returns waitToFill if a rule has them, otherwise nil.
local function readFills(rules)
  local waiting
  for _, rule in ipairs(rules) do
    local most, fill, waitMs, keys = string.match(rule.batch, '^/(%d+)/(%d+)/(%d+)(k?)$')
    if most then
      rule.left, rule.fill, rule.waitMs, rule.found, rule.ripeAt = tonumber(most), tonumber(fill), tonumber(waitMs), 0, math.huge
      rule.lookedAt = rule.left
      if keys == 'k' then
        rule.groups, rule.byKey, rule.lookedAt = {}, {}, math.min(LOOKED_AT_TASKS, LOOKED_AT_BATCHES * rule.fill)
      end
      waiting = waitToFill
    end
  end
  return waiting
end
