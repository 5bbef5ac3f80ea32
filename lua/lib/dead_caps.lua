-- Returns the limits for dead letters, "maxDead maxDeadAgeMs"; 0 means no limit. They are the field `#dead_caps`,
-- because earlier versions would overwrite them in "#settings".
local function readDeadCaps(raw)
  local maxDead, maxDeadAgeMs = string.match(raw or '', '^(%d+) (%d+)$')
  return tonumber(maxDead or 0), tonumber(maxDeadAgeMs or 0)
end

-- Returns all settings as one text, which `stats` shows and `delete` compares.
local function settingsText(raw, deadCaps)
  return (raw or '') .. (deadCaps and '\n' .. deadCaps or '')
end
