-- The options of a task: ` name=value` each, in the header line of its envelope.

-- The envelope's header line; nil for one without options.
local function headerOf(envelope)
  if string.byte(envelope) == ENVELOPE_PLAIN then
    return nil
  end
  return string.sub(envelope, 1, (string.find(envelope, '\n', 1, true) or 0) - 1)
end

-- One option of a header line; nil if the line does not have it.
local function optionOf(header, name)
  return string.match(header or '', ' ' .. name .. '=(%S+)')
end

local function option(envelope, name)
  return optionOf(headerOf(envelope), name)
end

-- When a task that is to be scheduled is due; nil for any other.
local function dueTime(envelope)
  if string.byte(envelope) ~= ENVELOPE_SCHEDULED then
    return nil
  end
  local delayMs = option(envelope, 'd')
  return delayMs and now + tonumber(delayMs) or tonumber(option(envelope, 'r'))
end
