-- Used by flow_add: stores the names of the nodes behind a node, in pages.

-- A page is full when its text has this many bytes.
local PAGE_BYTES = 4000

-- Returns those of the names that pass the test. names: each after a space.
local function namesOf(names, passes)
  return (string.gsub(names, ' (%S+)', function(name)
    return passes(name) and ' ' .. name or ''
  end))
end

-- Adds the new names behind nodes that the flow has already. ids: these nodes. behind: the new names, by id, each after
-- a space. They are added to `pages`, which a later HSET writes: field, value, field, value …
local function addPages(pages, ids, behind)
  local fields = {}
  for place = 1, #ids do
    fields[place] = '>' .. ids[place]
  end
  readRecords(fields)
  for place = 1, #ids do
    local id, field, size = ids[place], fields[place], #pages
    local text, names = records[field] or '|0', behind[id]
    if string.byte(text, -1) ~= 48 or string.byte(text, -2) ~= 124 then -- "|0": there are no names yet
      local head, full, last = string.match(text, '^([^|]*|)(%d+)(.*)$')
      local there = {}
      for name in string.gmatch(last, '%S+') do
        there[name] = true
      end
      names = namesOf(names, function(name) return not there[name] end)
      if #last > PAGE_BYTES and names ~= '' then
        full = full + 1
        pages[size + 1], pages[size + 2], size = string.format('>%s %d', id, full), string.sub(last, 2), size + 2
        text = string.format('%s%d', head, full)
      end
    end
    if names ~= '' then
      pages[size + 1], pages[size + 2] = field, text .. names
    end
  end
end
