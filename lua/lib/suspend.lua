-- Ends an attempt whose handler sleeps or waits for signals. The attempt is refunded, and the task is scheduled for the
-- end of the sleep or the time-out of the wait. `waitsFor`: the events, percent-encoded and separated by commas; "" for
-- a sleep. If such a signal has arrived since the handler looked for it, the task is pending at once.
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
