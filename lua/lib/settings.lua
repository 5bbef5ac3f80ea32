-- Settings of a queue: one text field of `state`, "layout paused maxWaiting retentionMs retentionCount idempotencyMs reason",
-- and the durability after it if it is not "memory". The reason is that of the pause, followed by its time and its author: "reason,pausedAt,pausedBy", each percent-encoded. It is empty while the queue is not paused.
local LAYOUT = 1

local function readSettings(raw)
  if not raw then
    return { paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }
  end
  local layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =
    string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')
  if not layout or tonumber(layout) > LAYOUT then
    return nil
  end
  return {
    paused = paused == '1',
    maxWaiting = tonumber(maxWaiting),
    retentionMs = tonumber(retentionMs),
    retentionCount = tonumber(retentionCount),
    idempotencyMs = tonumber(idempotencyMs),
    reason = reason,
    durability = durability,
  }
end

local function writeSettings(s)
  return string.format('%d %d %.0f %.0f %.0f %.0f %s', LAYOUT, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,
    s.retentionCount, s.idempotencyMs, s.reason) .. (s.durability ~= '' and ' ' .. s.durability or '')
end

local function layoutError()
  return redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')
end
