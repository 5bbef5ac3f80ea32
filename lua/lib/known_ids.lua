-- Decides whether the queue already has a task with an id that a caller gave.

-- Writes a number in base 36, as times are written in envelopes.
local function base36(number)
  local text = ''
  repeat
    local digit = number % 36
    text = string.sub('0123456789abcdefghijklmnopqrstuvwxyz', digit + 1, digit + 1) .. text
    number = (number - digit) / 36
  until number == 0
  return text
end

-- Rebuilds the envelope of a completed task without its payload from its record; nil for any other record.
local function envelopeIn(record)
  local header = headerIn(record)
  if not header then
    return nil
  end
  local ranMs, endedAt = string.match(record, '^%S+ %S+ (%S+) (%d+)')
  local taskType, waitedMs, options = string.match(header, '^(%S+) (%S+)(.*)$')
  return '+' .. taskType .. ' ' .. base36(endedAt - ranMs - waitedMs) .. options .. ' k=0\n'
end

-- Returns the type and the payload of an envelope, without time and options.
local function bodyOf(envelope)
  return typeOf(envelope) .. string.sub(envelope, string.find(envelope, '\n', 1, true) or 1)
end

-- Callers compute `runAt` and `expiresAt` from their own clock, so in a repeated enqueue they are later by the time
-- between the two calls. Beyond that they may differ by this much, ms.
local SAME_MOMENT_MS = 1000

local function enqueuedAt(envelope)
  return tonumber(string.match(envelope, '^%S+ (%w+)') or '', 36) or 0
end

-- Returns whether an option with a time is the same in two envelopes: the same time, or equally long after the enqueue.
-- Both envelopes have the same fingerprint, so either both have the option or neither has it.
local function isSameMoment(name, kept, offered)
  local before, after = tonumber(option(kept, name)), tonumber(option(offered, name))
  return not before or not after or before == after
    or math.abs(before - enqueuedAt(kept) - (after - enqueuedAt(offered))) <= SAME_MOMENT_MS
end

local function isSameBody(kept, offered)
  local print = option(kept, 'h')
  if print then
    return print == option(offered, 'h') and isSameMoment('r', kept, offered) and isSameMoment('e', kept, offered)
  end
  -- If there is no fingerprint, the library made the id. So only a repeat of the same call can have this id.
  local first = option(kept, 'o') -- a change replaced the payload, and kept the hash of the first one
  if first then
    return first == redis.sha1hex(bodyOf(offered))
  end
  local body, wanted = bodyOf(kept), bodyOf(offered)
  -- If the payload was not kept, only the type is compared. That is enough, because an id of the library is unique.
  return body == wanted or (option(kept, 'k') == '0' and body == string.match(wanted, '^[^\n]*\n'))
end

-- Returns a letter that says to which task the id belongs already, and the letter of the state of that task. With
-- `again`, a task that ended without completing does not keep its id.
--   n  no task   d  the same task   c  another task
--   e  a task that ended without completing: the id gets a new task (only with `again`)
--   b  a task that runs and was asked to stop: it has to end before the id can get a new task (only with `again`)
local function standing(envelope, record, offered, again)
  if envelope then
    local letter = record and string.sub(record, 1, 1) or (isScheduled(nil, envelope) and 's' or 'p')
    if string.byte(envelope) == ENVELOPE_NODE then -- only its flow enqueues it
      return 'c', letter
    end
    if again and string.find(letter, '[dxek]') then
      return 'e', letter
    elseif again and letter == 'l' and string.find(record, '^l[^%s@]*x') then
      return 'b', letter
    end
    return isSameBody(envelope, offered) and 'd' or 'c', letter
  end
  local remembered, ended = string.match(record or '', '^r %d+ (%S+) %S+ ?(%a?)')
  if remembered and not (again and ended ~= '') then
    return remembered == option(offered, 'h') and 'd' or 'c', 'r'
  elseif record and string.byte(record) == RECORD_ELSEWHERE then -- a node of a flow of this part
    return 'c', 'w'
  end
  return 'n', ''
end
