-- Says about a failure that no worker reported what a worker says about its own (lib/errors.lua). `title` is the common part
-- of the error, or the reason of the death.
local function toldOf(envelope, title)
  local name = typeOf(envelope)
  return name and string.sub(redis.sha1hex(name .. '\n' .. title), 1, ERROR_DIGITS) .. ' ' .. name .. ' - ' .. (option(envelope, 'g') or '-')
end
