-- Flows (docs/adr/0040-flows.md). A node of a flow is a task with the id `<flow>.<name>`; a callback has the id
-- `<flow>:<moment>`.
--
--   #flows         waiting skipped made noted taken kept running leaving, of all flows of the queue:
--                  how many nodes wait, how many are skipped, and how many were ever stored; the number of the last note
--                  (see below), and of the last note that flow_advance has taken; how many nodes belong to flows that
--                  are over; how many flows have not ended; how many nodes are on their way to another part
--                  (lib/flow_out.lua)
--   &<number>      a note. A script that ends nodes writes it in its commit, and flow_advance takes it: the ends,
--                  separated by commas, each `id mark cause`, or the id alone if the mark is cf and the cause -
--     mark         a letter that says how the node ended, and its policy (f c w). `:<page>.<place>` follows if a call of
--                  flow_advance has not done all: the next call continues at that place of the nodes behind the node
--       c completed  d dead  x cancelled  v cancelled while it waited  e expired  m emptied  s skipped
--       r no longer skipped  y replayed  k discarded  g dropped  b restored  h handed back, since its flow was cancelled
--                  if the id is that of a flow, `%<flow>`: s sealed  x cancelled  f to be forgotten
--     cause        the id of the task because of which a node was skipped; otherwise -
--   %<flow>        letters, the numbers of FLOW_FIELDS, and `@<part>` if the flow was made in that other part
--     letters      - and: s sealed  x cancelled  k it is over and counted in `kept`  g it is being forgotten;
--                  of the callbacks that were enqueued: D dead  X cancelled  S success  N done
--                  h the flow was made in another part, and only its nodes that are here are counted
--   %<flow> <page> names of its nodes, FLOW_PAGE on each page, in the order in which they came
--   %<flow>:<moment>  the envelope of a callback, with `><part> ` before it if it goes to another part
--   ><id>          the nodes behind this node: how many full pages of their names there are, and the names on the last
--                  page. `><id> <page>` is a full page
--   <<id>          the names of the nodes that this node comes after

local FLOW_PAGE = 500

local FLOW_FIELDS = { 'total', 'waiting', 'completed', 'dead', 'cancelled', 'expired', 'skipped', 'faults', 'calls',
  'replayable', 'createdAt', 'sealBy', 'endedAt' }
local TOTAL_FIELDS = { 'waiting', 'skipped', 'made', 'noted', 'taken', 'kept', 'running', 'leaving' }

-- Reads the numbers in a text into the named fields of a table.
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

-- Returns a new flow. letters: its state, as in the comment at the top.
local function newFlow(letters)
  return { letters = letters, total = 0, waiting = 0, completed = 0, dead = 0, cancelled = 0, expired = 0, skipped = 0,
    faults = 0, calls = 0, replayable = 0, createdAt = now, sealBy = 0, endedAt = 0 }
end

local function isFlow(flow, letter)
  return string.find(flow.letters, letter, 1, true) ~= nil
end

-- Returns the score that a flow has in `flows_due` while no janitor has to look at it.
local function heldScore(flow)
  return flow.endedAt > 0 and HELD_FOR_EVER or HELD_FOR_EVER + LAST_CREATED - flow.createdAt
end

local function flowOf(id)
  return string.match(id, '^[%w_-]+')
end

-- Returns the policy of a node from the flags of its record: f "fail", c "continue", w "hold".
local function policyOf(flags)
  return string.match(flags, '[cw]') or 'f'
end
