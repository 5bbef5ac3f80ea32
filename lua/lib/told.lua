-- Describes a failure that no worker has reported, such as a crash, for counting it (lib/errors.lua). `title`: the part
-- of the error that is the same for all tasks, or the reason of the death.
local function toldOf(envelope, title)
  local name = typeOf(envelope)
  return name and string.sub(redis.sha1hex(name .. '\n' .. title), 1, ERROR_DIGITS) .. ' ' .. name .. ' - ' .. (option(envelope, 'g') or '-')
end
