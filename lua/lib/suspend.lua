-- Ends an attempt whose handler sleeps or waits for signals. The attempt is refunded, which means that it does not
-- count as one. The task is scheduled for the end of the sleep, or for the time-out of the wait. `waitsFor` has the
-- events, percent-encoded and separated by commas; it is "" for a sleep. If one of these signals came after the handler
-- asked for it, the task is pending again at once.
local function planSuspended(settled, counters, id, record, c, delayMs, waitsFor)
  add(counters, RELEASED_TOTAL, 1)
  if hasFlag(c, FLAG_CANCEL) then
    return planCancelled(settled, counters, id, c, appendAttempt(record, c, 'released', ''))
  end
  c.attempts = c.attempts - 1
  c.unroutedSince = 0
  setFlag(c, FLAG_SUSPENDED)
  if waitsFor ~= '' and placeOfSignal(readHead(id), ',' .. waitsFor .. ',') then
    return handBack(settled, counters, id, redis.call('HGET', tasksKey, id) or '.', c, historyOf(record))
  end
  planScheduled(settled, counters, id, c, delayMs, ' ~' .. waitsFor .. historyOf(record), '')
  return 'l'
end
