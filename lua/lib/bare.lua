-- Counts bare records that come or go, in the commit that writes them.
local function countBare(commit, by)
  local size = #commit
  local counted = tonumber(redis.call('HGET', stateKey, '#bare') or 0)
  commit[size + 1], commit[size + 2] = '#bare', string.format('%d', math.max(0, counted + by))
end
