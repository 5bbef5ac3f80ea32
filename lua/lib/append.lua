-- A command makes an object of each argument and frees them at its end. The allocator keeps up to 200 of a size at hand; the others go
-- back to its arenas, which costs more than another command.
local PART = 125

-- Adds ids, at least one, to the end of a list. Returns its new length.
local function append(key, ids)
  local count, done = #ids, 0
  while count - done > PART do
    redis.call('RPUSH', key, unpack(ids, done + 1, done + PART))
    done = done + PART
  end
  return redis.call('RPUSH', key, unpack(ids, done + 1))
end
