-- What is known of an id that a caller gave.

-- Type and payload.
local function bodyOf(envelope)
  return string.match(envelope, '^.(%S+)') .. string.sub(envelope, string.find(envelope, '\n', 1, true) or 1)
end

-- What an id that a caller gave stands for already: nothing, the same task, or another one.
local function standing(envelope, record, offered)
  local fingerprint = option(offered, 'h')
  if envelope then
    local letter = record and string.sub(record, 1, 1) or (isScheduled(nil, envelope) and 's' or 'p')
    -- One without a fingerprint was enqueued under a minted id: its caller asks again, after an answer that was lost.
    local kept = option(envelope, 'h')
    -- Where its payload was not kept, the rest has to do: an id minted here is never another task's.
    local same = kept == fingerprint or (not kept and (bodyOf(envelope) == bodyOf(offered)
      or (option(envelope, 'k') == '0' and bodyOf(envelope) == string.match(bodyOf(offered), '^[^\n]*\n'))))
    return same and 'd' or 'c', letter
  end
  local remembered = record and string.match(record, '^r %d+ (%S+)')
  if remembered then
    return remembered == fingerprint and 'd' or 'c', 'r'
  end
  return 'n', ''
end
