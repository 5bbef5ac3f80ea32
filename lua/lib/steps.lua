-- The durable steps of a task, in the hash `steps`. The hash has these fields:
--
--   <taskId>            the head of the steps of this task. Its first line is `serial places[ bytes number]`: the serial
--                       below, how many places are used, the bytes of all texts, and the number of the last signal,
--                       without the last two if both are 0. Then comes a line for each signal that is kept, the oldest
--                       first: `number at bytes event`. Each sleep that has not ended has a line too: `/place at[ name]`,
--                       without the name if it is `sleep`. A field of its own would take three times the memory. If
--                       the only step is such a sleep, the head is `/at` and has no serial
--   <serial>/<place>    a step: `kind outcome at bytes name`, and in the next line its text, unless the text is long
--   <serial>/<place>/   a text of more than STEP_INLINE_BYTES. It is read only when the handler comes to this step
--   <serial>!<number>   the data of a signal
--   #serial             the last serial that was given to a task
--   #q:<slot>           the last reply of `signal` to a request slot (lib/call.lua): outcome, field of the data
--
-- A serial is a number for the steps of one life of one task. No serial is used twice, because the fields of a purged
-- task are removed later (transitions/free_steps.lua), and a new task may take the same id before that.
--
--   kind      s step   z sleep   w wait for a signal   c call of another task
--   outcome   d done   o open    t timed out
--   at        when the step was done, or when an open sleep or wait will end, ms since the epoch
--   text      s: the result, JSON
--             w: while it is open the events, separated by commas; then the event that came, a line break and its data
--             c: while it is open the id of the called task, with "=" before it once the task was enqueued; then the
--             result of that task, JSON
--
-- A sleeping or waiting task is scheduled. Its record ends with ` ~` and the events for which it waits (lib/record.lua).

-- Returns a head in its long form, with the serial 0 if it has none.
local function longHead(text)
  return text and string.byte(text) == 47 and '0 1\n/1 ' .. string.sub(text, 2) or text -- 47: a slash
end

local function readHead(id)
  local text = longHead(redis.call('HGET', stepsKey, id))
  local serial, places, bytes, number = string.match(text or '', '^(%d+) (%d+) ?(%d*) ?(%d*)')
  local head = { serial = serial, places = tonumber(places or 0), bytes = tonumber(bytes) or 0, number = tonumber(number) or 0, signals = {},
    dropped = {}, sleeps = {} }
  for line, at, event in string.gmatch(text or '', '\n(%d+ (%d+) %d+ (%S+))') do
    local isKept = tonumber(at) + SIGNAL_KEPT_MS > now
    local list = isKept and head.signals or head.dropped
    list[#list + 1] = { line = line, number = string.match(line, '^%d+'), event = event }
  end
  for place, at, name in string.gmatch(text or '', '\n/(%d+) (%d+) ?([^\n]*)') do
    head.sleeps[#head.sleeps + 1] = { place = place, at = tonumber(at), name = name == '' and 'sleep' or name }
  end
  if not serial or serial == '0' then
    head.serial = string.format('%.0f', tonumber(redis.call('HGET', stepsKey, '#serial') or 0) + 1)
    head.isNew = true
  end
  return head
end

-- Returns whether the short form of the head has all of it: its only step is a sleep that has not ended.
local function isLoneSleep(head)
  local sleep = head.sleeps[1]
  return head.isNew and head.places == 1 and head.number == 0 and head.bytes == 0 and sleep and sleep.name == 'sleep' and sleep.at > now
end

-- Adds the head of the steps to the fields that the script commits. A sleep that has ended gets a field of its own;
-- before that it is a line of the head.
local function noteHead(fields, id, head)
  if isLoneSleep(head) then
    fields[#fields + 1], fields[#fields + 2] = id, string.format('/%.0f', head.sleeps[1].at)
    return
  end
  local isShort = head.bytes == 0 and head.number == 0
  local lines = { string.format(isShort and '%s %d' or '%s %d %d %d', head.serial, head.places, head.bytes, head.number) }
  for _, signal in ipairs(head.signals) do
    lines[#lines + 1] = signal.line
  end
  for _, sleep in ipairs(head.sleeps) do
    if sleep.at > now then
      lines[#lines + 1] = string.format('/%s %.0f', sleep.place, sleep.at) .. (sleep.name == 'sleep' and '' or ' ' .. sleep.name)
    else
      fields[#fields + 1] = head.serial .. '/' .. sleep.place
      fields[#fields + 1] = string.format('z o %.0f 0 %s', sleep.at, sleep.name)
    end
  end
  fields[#fields + 1], fields[#fields + 2] = id, table.concat(lines, '\n')
  if head.isNew then
    fields[#fields + 1], fields[#fields + 2] = '#serial', head.serial
  end
end

-- Adds a step to the fields that the script commits. `old`: the text at this place before; nil if there was none.
local function noteStep(fields, head, step, old)
  head.places = math.max(head.places, step.place)
  if step.kind == 'z' then
    head.sleeps[#head.sleeps + 1] = { place = step.place, at = step.at, name = step.name }
    return
  end
  local field = head.serial .. '/' .. step.place
  local isLong = #step.text > STEP_INLINE_BYTES
  fields[#fields + 1], fields[#fields + 2] = field, string.format('%s %s %.0f %d %s', step.kind, step.outcome, step.at, #step.text, step.name) .. (isLong and '' or '\n' .. step.text)
  if isLong then
    fields[#fields + 1], fields[#fields + 2] = field .. '/', step.text
  end
  local before = old and tonumber(string.match(old, '^%a %a %d+ (%d+)')) or 0
  head.bytes = head.bytes - before + #step.text
end

-- Removes the data of signals that were delivered or are not kept any longer. Called after the commit.
local function dropSignals(head)
  local gone = {}
  for i, signal in ipairs(head.dropped) do
    gone[i] = head.serial .. '!' .. signal.number
  end
  if #gone > 0 then
    redis.call('HDEL', stepsKey, unpack(gone))
  end
end

-- Returns the position of the oldest stored signal with one of these events; nil if there is none. `events` has a comma
-- before and after each event.
local function placeOfSignal(head, events)
  for i, signal in ipairs(head.signals) do
    if string.find(events, ',' .. signal.event .. ',', 1, true) then
      return i
    end
  end
end
