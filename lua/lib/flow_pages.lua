-- Used by flow_add: stores the names of the nodes behind a node, in pages.

-- A page is full when its text has this many bytes.
local PAGE_BYTES = 4000

-- Adds to `pages`, which a later HSET writes: field, value, field, value … behind: the new names behind each node, by
-- the id of the node. order: these ids.
local function addPages(pages, order, behind)
  local texts = {}
  for place = 1, #order do
    texts[place] = '>' .. order[place]
  end
  readRecords(texts)
  for place = 1, #order do
    local id, text = order[place], records[texts[place]]
    local names = behind[id]
    if text then
      local full, there, fresh = tonumber(string.match(text, '^%d+')), {}, {}
      for name in string.gmatch(text, ' (%S+)') do
        there[name] = true
      end
      for _, name in ipairs(names) do
        fresh[#fresh + 1] = not there[name] and name or nil
      end
      if #text > PAGE_BYTES then
        full = full + 1
        pages[#pages + 1], pages[#pages + 2] = string.format('>%s %d', id, full), string.match(text, '^%d+ (.*)$')
        text = string.format('%d', full)
      end
      names = fresh
    end
    if names[1] then
      local size = #pages
      pages[size + 1], pages[size + 2] = texts[place], (text or '0') .. ' ' .. table.concat(names, ' ')
    end
  end
  return pages
end
