-- Used by flow_add: stores the names of the nodes behind a node, in pages.

-- A page is full when its text has this many bytes.
local PAGE_BYTES = 4000

-- Returns the names that pass the test, in the same form. names: one text, with a space before each name.
local function namesOf(names, passes)
  return (string.gsub(names, ' (%S+)', function(name)
    return passes(name) and ' ' .. name or ''
  end))
end

-- Plans new pages for nodes that the flow has already. ids: these nodes. behind: the names of the new nodes behind each
-- of them, by id. Appends fields and values in turn to `pages`, which a later HSET writes.
local function addPages(pages, ids, behind)
  local fields = {}
  for place = 1, #ids do
    fields[place] = '>' .. ids[place]
  end
  readRecords(fields)
  for place = 1, #ids do
    local id, field, size = ids[place], fields[place], #pages
    local text, names = records[field], behind[id]
    if text then
      local full, last = string.match(text, '^(%d+)(.*)$')
      local there = {}
      for name in string.gmatch(last, '%S+') do
        there[name] = true
      end
      names = namesOf(names, function(name) return not there[name] end)
      if #last > PAGE_BYTES and names ~= '' then
        full = full + 1
        pages[size + 1], pages[size + 2], size = string.format('>%s %d', id, full), string.sub(last, 2), size + 2
        text = string.format('%d', full)
      end
    end
    if names ~= '' then
      pages[size + 1], pages[size + 2] = field, (text or '0') .. names
    end
  end
end
