-- The state record of a task: a head line, then one line per ended attempt, oldest first.
--
--   head     <letter><counts> <fields>
--   letter   p pending  s scheduled  l processing (leased)  c completed  d dead  x cancelled  e expired
--            k discarded, kept for a while so that it can be restored
--            r purged, kept for its id alone      w a node of a flow that waits for others (lib/flows.lua)
--            o a node of a flow that is in another part (lib/flow_out.lua)
--   counts   attempts[,failures,crashes,releases,generation,unroutedSince[,limited],flags][@key[/type]]
--            Short: attempts[flags], if nothing else was counted and there are no flags or they begin with f.
--            limited: how often a handler handed the task back because of a rate limit; left out while it is 0, so that
--            an earlier version can read the rest. Behind the @, only while leased: the key of the task, and its type
--            if the type has a limit. Either may be empty
--   flags    h the caller gave the id   o runs solo   x cancel requested
--            n the next task of its unique key waits for its end
--            k the payload is removed at completion, and the flag with it
--            l the task has the option `keep`; the flag is removed at completion
--            f c w g b of a node of a flow (lib/format.lua)
--            z its handler slept or waited (lib/steps.lua)
--   fields   l: fence grantedAt deadline maxAttempts workerId      c: fence ranMs endedAt workerId[ header]
--            d: endedAt reason[ !signature]      k: endedAt reason[ !signature] discardedAt discard
--            x, e: endedAt      signature: under which errors.lua counts the dead letter; left out if it is counted
--            under no signature
--            s: dueAt[ ~events]. If the handler sleeps or waits, events has the events for which it waits, separated by
--            commas; none for a sleep
--            r: endedAt fingerprint movedTo[ letter: how the task ended, unless it completed]
--            r of a node whose flow is known: endedAt - - - letter flags
--            w: how many nodes it waits for[, and the options of its envelope that decide where it is put when the
--            wait is over]. The option f is the part to which it is sent
--            o: the part that has the node, and the mark of its last end (lib/flows.lua); - while it has not ended
--            x of a node that was skipped: endedAt cause, then how many nodes before it have not ended, how many did
--            not complete, and the same options as for w
--   header   type waitedMs[ name=value …]: a completed task that does not keep its payload has no entry in `tasks`. Its
--            record has the header of the envelope instead, with two differences: the time from enqueue to grant
--            replaces the time of the enqueue, and the option k=0 (the payload is not kept) is left out. The counter
--            HEADERS of lib/queue.lua counts these records
--   attempt  number generation outcome startedAt endedAt workerId fence error   (error percent-encoded, "-" for none;
--            "~<traceparent> " before it where the attempt was traced)
--   replay   a line like that of an attempt, with the number 0: the task was replayed into this generation at
--            startedAt. Its outcome is "released", because earlier versions do not know replay lines and show the line
--            as an attempt
--   replaced  0 generation replaced firstAt lastAt instance count -
--            one line for all enqueues with the unique key of the task that replaced it
--   changed  0 generation changed firstAt lastAt instance count span fields
--            one line for all changes of the task while it waited
--
-- Without a record, the task is as it was enqueued, and the first byte of its envelope says where it is:
--   . or + pending      @ scheduled      & nothing yet

local function newCounts()
  return { attempts = 0, failures = 0, crashes = 0, releases = 0, generation = 0, unroutedSince = 0, limited = 0, flags = '' }
end

local function parseCounts(head)
  local attempts, rest = string.match(head, '^%a(%d+)([^%s@]*)')
  local c = newCounts()
  c.attempts = tonumber(attempts or 0)
  if string.byte(rest or '') == 44 then -- a comma
    local failures, crashes, releases, generation, unroutedSince, limited, flags =
      string.match(rest, '^,(%d+),(%d+),(%d+),(%d+),(%d+),?(%d*),(%a*)$')
    c.failures, c.crashes, c.releases = tonumber(failures), tonumber(crashes), tonumber(releases)
    c.generation, c.unroutedSince, c.limited, c.flags = tonumber(generation), tonumber(unroutedSince), tonumber(limited) or 0, flags
  else
    c.flags = rest or ''
  end
  return c
end

local function countsText(c)
  if c.failures == 0 and c.crashes == 0 and c.releases == 0 and c.generation == 0 and c.unroutedSince == 0 and c.limited == 0
    and (c.flags == '' or string.find(c.flags, '^f[^o]*$')) then
    return string.format('%d', c.attempts) .. c.flags
  end
  return string.format('%d,%d,%d,%d,%d,%.0f,%s%s', c.attempts, c.failures, c.crashes, c.releases, c.generation, c.unroutedSince,
    c.limited > 0 and string.format('%d,', c.limited) or '', c.flags)
end

local function hasFlag(c, flag)
  return string.find(c.flags, flag, 1, true) ~= nil
end

local function setFlag(c, flag)
  if not hasFlag(c, flag) then
    c.flags = c.flags .. flag
  end
end

local function clearFlag(c, flag)
  c.flags = string.gsub(c.flags, flag, '')
end

local function historyOf(record)
  local newline = record and string.find(record, '\n', 1, true)
  return newline and string.sub(record, newline) or ''
end

-- Returns when a task ended, as text; nil if it has not ended.
local function endedAtOf(record)
  return record and (string.match(record, '^c%S+ %S+ %-?%d+ (%d+)') or string.match(record, '^[dxek]%S+ (%d+)')) or nil
end

-- Returns the header in the record of a completed task without its payload; nil for any other record.
local function headerIn(record)
  return record and string.match(record, '^c%S+ %S+ %S+ %d+ %S+ ([^\n]+)')
end

-- Parses the head of a leased record. One failure needs it three times, so the last result is cached.
local parsed = {}
local function parseLease(record)
  if record ~= parsed.record then
    local fence, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\n ]+)')
    parsed = { record = record, fence = fence, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts),
      workerId = workerId }
  end
  return parsed.fence, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId
end

-- Returns the history, without its oldest line if there is no room for another one.
local function roomIn(history)
  local lines, at = 0, string.find(history, '\n', 1, true)
  while at do
    lines, at = lines + 1, string.find(history, '\n', at + 1, true)
  end
  if lines >= HISTORY_LINES then
    -- The parentheses drop the second value of `find`, which `sub` would take as the end of the text.
    history = string.sub(history, (string.find(history, '\n', 2, true)))
  end
  return history
end

-- Adds an ended attempt to the history. Returns the history without the error, and the error. They are joined only when
-- the record is written, because Lua hashes each string that it makes, and errors can be long.
local function appendAttempt(record, c, outcome, err)
  local fence, grantedAt, _, _, workerId = parseLease(record)
  return table.concat({ roomIn(historyOf(record)), '\n', string.format('%d %d ', c.attempts, c.generation), outcome, ' ', grantedAt, ' ', nowText, ' ',
    workerId, ' ', fence, ' ' }), err == '' and '-' or err
end

-- Returns the trace context of the last ended attempt as '~<traceparent>'; '' if it was not traced. The worker has
-- written it before the error.
local function previousSpan(record)
  if not record or not string.find(record, ' ~00-', 1, true) then
    return ''
  end
  -- The match is greedy, so it finds the last line.
  local line = string.match(record, '.*\n(.*)$')
  local span = line and string.match(line, '^%S+ %S+ %S+ %S+ %S+ %S+ %S+ ~(00%-%x+%-%x+%-%x%x) ')
  return span and '~' .. span or ''
end

-- Adds a replay to the history. The line keeps the trace context of the last attempt, to which the next attempt links.
local function appendReplay(record, c)
  local span = previousSpan(record)
  return string.format('%s\n0 %d released %s %s - - %s', roomIn(historyOf(record)), c.generation, nowText, nowText,
    span == '' and '-' or span .. ' -')
end

local function isPending(record, envelope)
  if not envelope then
    return false
  end
  if record then
    return string.byte(record) == RECORD_PENDING
  end
  local first = string.byte(envelope)
  return first ~= ENVELOPE_SCHEDULED and first ~= ENVELOPE_NODE
end

local function isScheduled(record, envelope)
  if not envelope then
    return false
  end
  if record then
    return string.byte(record) == RECORD_SCHEDULED
  end
  return string.byte(envelope) == ENVELOPE_SCHEDULED
end

local function needsSolo(c)
  return c.crashes >= ALONE_FROM_CRASHES or hasFlag(c, FLAG_ALONE)
end

-- Returns which accounts besides that of the queue count a leased task: `key`, `key/type`, `/type` or nil.
local function countedIn(record)
  return string.match(record, '^l[^%s@]*@(%S+)')
end

local function leasedKey(record)
  return string.match(record, '^l[^%s@]*@([^%s/]+)')
end

-- Returns the list of a pending task: "solo", or the band by the option p (h high, l low, otherwise normal).
local function bandOf(envelope, c)
  if c and needsSolo(c) then
    return 'solo'
  end
  local p = option(envelope, 'p')
  return p == 'h' and 'high' or p == 'l' and 'low' or 'normal'
end
