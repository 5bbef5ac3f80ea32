-- Writes the events of a queue that keeps them (docs/events.md). During a call events are collected, and they get their
-- numbers before the commit. At the end all of them become one entry of the stream. If the script aborts in between,
-- these numbers are missing in the stream, and readers see how many events they have missed.
--
--   entry   <number of its first event>-<life>   the life of a stream is the time at which the setting was switched on
--   fields  t: the time, ms since the epoch. Then a field for each kind of event: its letter (lib/format.lua) and what
--           the tasks of this field have in common. The value is the ids of these tasks

-- Collects an event. `kind`: its field in the stream, which is its letter and details that all tasks of it share.
local function noteEvent(kind, id)
  local ids = events.kinds[kind]
  if not ids then
    ids = {}
    events.kinds[kind] = ids
    events.kinds[#events.kinds + 1] = kind
  end
  ids[#ids + 1] = id
  events.count = events.count + 1
end

-- Collects the same event for several tasks. `idsText` has their ids, separated by spaces.
local function noteEvents(kind, idsText, count)
  if count > 0 then
    noteEvent(kind, idsText)
    events.count = events.count + count - 1
  end
end

-- Gives numbers to the collected events. Called before each commit.
local function numberEvents()
  if events.count > events.numbered then
    local last = redis.call('HINCRBY', stateKey, '#events', events.count - events.numbered)
    events.first = events.first or last - events.count + 1
    events.numbered = events.count
  end
end

-- Writes the stream entry. Called at the end of the script. The field "#awaited" is set while a reader has read all
-- entries and waits for the next one; it is then woken.
local function tellEvents()
  if events.count == 0 then
    return
  end
  local fields = {}
  for place, kind in ipairs(events.kinds) do
    local ids = events.kinds[kind]
    fields[2 * place - 1], fields[2 * place] = kind, #ids == 1 and ids[1] or table.concat(ids, ' ')
  end
  redis.call('XADD', eventsKey, 'MINID', '~', string.format('%.0f', math.max(0, events.first - events.most)),
    string.format('%.0f-%s', events.first, events.life), 't', nowText, unpack(fields))
  if redis.call('HDEL', stateKey, '#awaited') == 1 then
    redis.call('SPUBLISH', wakeKey .. ':#events', '')
  end
end

local function newEvents(settings)
  return { most = settings.maxEvents, life = settings.life, kinds = {}, count = 0, numbered = 0, note = noteEvent, noteAll = noteEvents,
    number = numberEvents, tell = tellEvents }
end
