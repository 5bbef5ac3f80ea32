-- Used by flow_advance: reads each field of `state` only once, and collects changes until the commit.

-- written: the changed fields, in order. values: their new values. known: values read, false for a missing field.
local written, values, known = {}, {}, {}

local function write(field, value)
  if values[field] == nil then
    written[#written + 1] = field
  end
  values[field] = value
end

-- Adds to `unread` those fields of `list` that this call has neither read nor changed.
local function addUnread(unread, list)
  local size = #unread
  for place = 1, #list do
    local field = list[place]
    if known[field] == nil and values[field] == nil then
      size = size + 1
      unread[size], known[field] = field, false
    end
  end
end

local function fetch(unread)
  local read = #unread > 0 and redis.call('HMGET', stateKey, unpack(unread))
  for place = 1, #unread do
    known[unread[place]] = read[place]
  end
end

local function readAll(list)
  local unread = {}
  addUnread(unread, list)
  fetch(unread)
end

local function read(field)
  local value = values[field]
  if value == nil then
    if known[field] == nil then
      readAll({ field })
    end
    value = known[field] or nil
  end
  return value
end
