-- The envelope of a task, as the scripts read it: its type, and its options, ` name=value` each, in the header line.

-- Returns the header line of an envelope; nil if the envelope has no options.
local function headerOf(envelope)
  if string.byte(envelope) == ENVELOPE_PLAIN then
    return nil
  end
  return string.sub(envelope, 1, (string.find(envelope, '\n', 1, true) or 0) - 1)
end

-- Returns one option of a header line; nil if the line does not have that option.
local function optionOf(header, name)
  return string.match(header or '', ' ' .. name .. '=(%S+)')
end

local function option(envelope, name)
  return optionOf(headerOf(envelope), name)
end

-- Returns when a task that was enqueued as scheduled is due; nil for any other task.
local function dueTime(envelope)
  if string.byte(envelope) ~= ENVELOPE_SCHEDULED then
    return nil
  end
  local delayMs = option(envelope, 'd')
  return delayMs and now + tonumber(delayMs) or tonumber(option(envelope, 'r'))
end

-- The type of a task; nil if the envelope cannot be read.
local function typeOf(envelope)
  return string.match(envelope, '^.(%S+)')
end

-- The key of a task, percent-encoded; nil if it has none.
local function keyOption(envelope)
  return option(envelope, 'q')
end
