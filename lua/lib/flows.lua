-- Flows (docs/adr/0040-flows.md). A node of a flow is a task with the id `<flow>.<name>`; a callback has the id
-- `<flow>:<moment>`.
--
--   #flows         waiting skipped made noted taken kept running leaving: how many nodes wait, were skipped, and were
--                  stored by flows, in all; the number of the last note of ends, and of the last one that was taken; how
--                  many nodes the flows have that are over; how many flows have not ended; how many nodes are on their
--                  way to another part (lib/flow_out.lua)
--   &<number>      a note of ends, in the commit of the script that ended nodes: triples of id, mark, cause
--     mark         how it ended, and the policy of the node (f c w), `:<page>.<place>` where the work on it goes on
--       c completed  d dead  x cancelled  v cancelled while it waited  e expired  m emptied  s skipped
--       r no longer skipped  y replayed  k discarded  g dropped  b restored  h handed back, since its flow was cancelled
--       of a flow, `%<flow>`: s sealed  x cancelled  f to be forgotten
--     cause        the id of the task because of which a node was skipped; otherwise -
--   %<flow>        letters, the numbers of FLOW_FIELDS, and `@<part>` if the flow was made in that other part
--     letters      - and: s sealed  x cancelled  k it is over and counted in `kept`  g it is being forgotten; callbacks that
--                  came: D dead  X cancelled  S success  N done
--                  h the flow was made in another part, and only its nodes that are here are counted
--   %<flow> <page> names of its nodes, FLOW_PAGE on each page, in the order in which they came
--   %<flow>:<moment>  the envelope of a callback, with `><part> ` before it if it goes to another part
--   ><id>          how many full pages of names of nodes behind it there are, and the last names; `><id> <page>`: a full
--                  page
--   <<id>          names of the nodes that it came after

local FLOW_PAGE = 500

local FLOW_FIELDS = { 'total', 'waiting', 'completed', 'dead', 'cancelled', 'expired', 'skipped', 'faults', 'calls',
  'replayable', 'createdAt', 'sealBy', 'endedAt' }
local TOTAL_FIELDS = { 'waiting', 'skipped', 'made', 'noted', 'taken', 'kept', 'running', 'leaving' }

-- Reads numbers into the fields of a table.
local function readNumbers(into, names, text)
  local place = 0
  for number in string.gmatch(text, '%S+') do
    place = place + 1
    into[names[place]] = tonumber(number)
  end
  return into
end

local function numbersText(of, names)
  local numbers = {}
  for place, name in ipairs(names) do
    numbers[place] = string.format('%.0f', of[name])
  end
  return table.concat(numbers, ' ')
end

local function readTotals(text)
  return readNumbers({}, TOTAL_FIELDS, text or '0 0 0 0 0 0 0 0')
end

local function totalsText(totals)
  return numbersText(totals, TOTAL_FIELDS)
end

local function readFlow(text)
  local letters, numbers, home = string.match(text or '', '^(%S+) ([%d ]+)@?(.*)$')
  return letters and readNumbers({ letters = letters, home = home ~= '' and home or nil }, FLOW_FIELDS, numbers)
end

local function flowText(flow)
  return flow.letters .. ' ' .. numbersText(flow, FLOW_FIELDS) .. (flow.home and ' @' .. flow.home or '')
end

-- letters: of the new flow.
local function newFlow(letters)
  return { letters = letters, total = 0, waiting = 0, completed = 0, dead = 0, cancelled = 0, expired = 0, skipped = 0,
    faults = 0, calls = 0, replayable = 0, createdAt = now, sealBy = 0, endedAt = 0 }
end

local function isFlow(flow, letter)
  return string.find(flow.letters, letter, 1, true) ~= nil
end

-- The score in `flows_due` of a flow at which no janitor has to look.
local function heldScore(flow)
  return flow.endedAt > 0 and HELD_FOR_EVER or HELD_FOR_EVER + LAST_CREATED - flow.createdAt
end

local function flowOf(id)
  return string.match(id, '^[%w_-]+')
end

-- The policy of a node, from the flags of its record.
local function policyOf(flags)
  return string.match(flags, '[cw]') or 'f'
end
