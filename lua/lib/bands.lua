-- Pushes collected per band. `push` keeps the order given; the list to fill is found by name.
local bandKeys = { high = pendingHighKey, normal = pendingKey, low = pendingLowKey, solo = pendingSoloKey }
local bandNames = { 'solo', 'high', 'normal', 'low' }

local function newBands()
  return { high = {}, normal = {}, low = {}, solo = {} }
end

local function pushBands(bands, atConsumingEnd)
  for _, name in ipairs(bandNames) do
    local ids = bands[name]
    if #ids > 0 then
      if atConsumingEnd then
        -- LPUSH reverses: the first id given shall be taken first.
        local reversed = {}
        for i = #ids, 1, -1 do
          reversed[#reversed + 1] = ids[i]
        end
        redis.call('LPUSH', bandKeys[name], unpack(reversed))
      else
        redis.call('RPUSH', bandKeys[name], unpack(ids))
      end
    end
  end
end
