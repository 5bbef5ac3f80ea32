-- Reads the envelope of a task: its type, and its options, which are ` name=value` each on the first line.

-- Returns the first line of an envelope; nil if the envelope has no options.
local function headerOf(envelope)
  if string.byte(envelope) == ENVELOPE_PLAIN then
    return nil
  end
  return string.sub(envelope, 1, (string.find(envelope, '\n', 1, true) or 0) - 1)
end

-- Returns one option from the first line; nil if it is not set.
local function optionOf(header, name)
  return string.match(header or '', ' ' .. name .. '=(%S+)')
end

local function option(envelope, name)
  return optionOf(headerOf(envelope), name)
end

-- Returns when a scheduled task is due; nil for any other task.
local function dueTime(envelope)
  if string.byte(envelope) ~= ENVELOPE_SCHEDULED then
    return nil
  end
  local delayMs = option(envelope, 'd')
  return delayMs and now + tonumber(delayMs) or tonumber(option(envelope, 'r'))
end

-- Returns the type of a task; nil if the envelope cannot be read.
local function typeOf(envelope)
  return string.match(envelope, '^.(%S+)')
end

-- Returns the key of a task, percent-encoded; nil if it has none.
local function keyOption(envelope)
  return option(envelope, 'q')
end
