-- The reply to a turn.

-- What a caller is told beside the tasks. SHARED: their tokens share one fence. TYPED: tasks stand aside by their type, so the
-- caller should tell which types it runs.
local PAUSED_FLAG, DRAIN_FLAG, SOLO_FLAG, AGAIN_FLAG, PARKED_FLAG, SHARED_FLAG, TYPED_FLAG = 1, 2, 4, 8, 16, 32, 64

-- What a repeat of the request is answered from. first: the first grant, as text. idsText: of what was granted, with spaces between.
local function turnReply(verdicts, first, flags, idsText)
  return verdicts .. ' ' .. first .. string.format(' %d ', flags) .. idsText
end
