-- Writes the settings of a queue (lib/queue.lua).

local function writeSettings(s)
  local tail = s.durability ~= '' and ' ' .. s.durability or ''
  if s.hasFlows or s.maxEvents then
    tail = string.format(' %s %.0f %s %d', s.durability ~= '' and s.durability or 'memory', s.maxEvents or 0, s.maxEvents and s.life or '0', s.layout)
  end
  return string.format('%d %d %.0f %.0f %.0f %.0f %s', s.hasFlows and 4 or s.maxEvents and 3 or s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,
    s.retentionCount, s.idempotencyMs, s.reason) .. tail
end

-- Called when a queue gets its first key or its first limit.
local function adoptLimits(settings)
  settings.layout = 2
  redis.call('HSET', stateKey, '#settings', writeSettings(settings), '#limits', '')
end
