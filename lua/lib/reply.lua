-- The reply to a round trip (settle, acquire, or both).

-- The text from which a repeat of the request is answered. first: the first grant, as text. idsText: the granted ids, with
-- spaces between them.
local function roundTripReply(verdicts, first, flags, idsText)
  return verdicts .. ' ' .. first .. string.format(' %d ', flags) .. idsText
end
