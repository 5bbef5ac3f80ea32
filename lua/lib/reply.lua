-- The reply to a turn.

-- What a repeat of the request is answered from. first: the first grant, as text. idsText: of what was granted, with spaces between.
local function turnReply(verdicts, first, flags, idsText)
  return verdicts .. ' ' .. first .. string.format(' %d ', flags) .. idsText
end
