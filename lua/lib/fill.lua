-- Batches that wait until they are full. For a rule with `/<most>/<fill>/<waitMs>` (lib/routes.lua) the caller takes tasks only if `fill` of
-- them wait, or if one of them has waited for `waitMs`. Until then they stand aside without a lease, for every worker that runs their type.

-- When a pending task no longer waits for others, ms since the epoch. A task that was tried before, or has high priority, does not wait, and
-- one that expires goes in time.
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

-- Looks at the tasks that an acquire may grant, before it does. The caller takes none of a batch that has to wait. Returns when the first such
-- batch stops waiting; nil if none waits.
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

-- Gives the rules that wait what they need. Returns waitToFill; nil if no rule waits.
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
