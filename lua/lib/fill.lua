-- Batches that wait until they are full. For a rule with `/<most>/<fill>/<waitMs>` (lib/routes.lua), a worker takes
-- tasks only if `fill` of them wait, or if one of them has waited for `waitMs`. Until then the tasks stay in
-- `pending:typed` without a lease, so any worker that runs their type can take them.

-- Returns the time when a pending task stops waiting for others, ms since the epoch. A task that was tried before or
-- has high priority does not wait. A task that expires stops waiting at least `waitMs` before it expires.
local function ripeAt(rule, record, envelope)
  local c = record and parseCounts(record) or newCounts()
  if c.attempts + c.failures + c.crashes + c.releases + c.generation + c.limited > 0 or bandOf(envelope, c) == 'high' then
    return 0
  end
  local since = c.unroutedSince > 0 and c.unroutedSince or now
  if string.byte(envelope) ~= ENVELOPE_SCHEDULED then
    since = math.min(since, tonumber(string.match(envelope, '^%S+ (%w+)') or '', 36) or now)
  end
  local expiresAt = tonumber(option(envelope, 'e'))
  return expiresAt and math.min(since, expiresAt - 2 * rule.waitMs) + rule.waitMs or since + rule.waitMs
end

-- Called before an acquire grants tasks. Sets `left` to 0 for each rule whose batch has to wait, so that no task of it
-- is granted. Returns when the first of these batches stops waiting; nil if no batch waits.
local function waitToFill(typed, ids, records, envelopes)
  local untilMs
  for i = 1, #ids do
    local envelope = envelopes[i] or nil
    local name = envelope and isPending(records[i] or nil, envelope) and typeOf(envelope)
    local rule = name and typed.ruleOf(name)
    if rule and rule.fill then
      rule.found = rule.found + 1
      if rule.ripeAt > now then
        rule.ripeAt = math.min(rule.ripeAt, ripeAt(rule, records[i] or nil, envelope))
      end
    end
  end
  for _, rule in ipairs(typed.rules) do
    if rule.fill and rule.found > 0 and rule.found < rule.fill and rule.ripeAt > now then
      rule.left = 0
      untilMs = math.min(untilMs or rule.ripeAt, rule.ripeAt)
    end
  end
  return untilMs
end

-- Parses the batch part of the rules. Returns waitToFill; nil if no rule has batches that wait.
local function readFills(rules)
  local waits
  for _, rule in ipairs(rules) do
    local most, fill, waitMs = string.match(rule.batch, '^/(%d+)/(%d+)/(%d+)$')
    if most then
      rule.left, rule.fill, rule.waitMs, rule.found, rule.ripeAt = tonumber(most), tonumber(fill), tonumber(waitMs), 0, math.huge
      waits = waitToFill
    end
  end
  return waits
end
