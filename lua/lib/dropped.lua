-- Removes the payloads of tasks with `keepPayload: false`. It reads now and writes only after the commit: until then the task
-- may have to run again.
--   bare  ids whose whole envelopes are removed: from this commit on their records have the header
--   cut   ids that a caller gave, and their envelopes, which are cut behind the header: the header has the fingerprint, by
--         which the repeat of an enqueue is recognised
local function planDropped(settled)
  local dropped, commit, bare, cut = settled.dropped, settled.commit, {}, {}
  local envelopes = redis.call('HMGET', tasksKey, unpack(dropped))
  for i, id in ipairs(dropped) do
    local drop, envelope = dropped[id], envelopes[i] or ''
    local taskType, enqueuedAt, options = string.match(envelope, '^.(%S+) (%w+)([^\n]*)\n')
    enqueuedAt = enqueuedAt and tonumber(enqueuedAt, 36)
    if enqueuedAt and not drop.given then
      local worker = drop.worker
      local newline = string.find(worker, '\n', 1, true) or #worker + 1
      options = options ~= ' k=0' and string.gsub(options, ' k=0', '', 1) or ''
      -- Durations need fewer digits than points in time: a record of 76 characters fits into a block of 80 bytes.
      commit[drop.at] = 'c0' .. drop.head .. string.format('%d', now - drop.grantedAt) .. ' ' .. nowText .. ' '
        .. string.sub(worker, 1, newline - 1) .. ' ' .. taskType .. ' ' .. string.format('%d', drop.grantedAt - enqueuedAt) .. options
        .. string.sub(worker, newline)
      bare[#bare + 1] = id
    elseif string.find(envelope, '\n', 1, true) then
      cut[#cut + 1], cut[#cut + 2] = id, string.match(envelope, '^[^\n]*\n')
    end
  end
  return { bare = bare, cut = cut }
end

-- After the commit.
local function writeDropped(drops)
  if #drops.bare > 0 then
    redis.call('HDEL', tasksKey, unpack(drops.bare))
  end
  if #drops.cut > 0 then
    redis.call('HSET', tasksKey, unpack(drops.cut))
  end
end
