-- Reads and writes the lines `share` of "#limits" (lib/accounts.lua).

-- Returns the version and the limit of a share, as text; nil if the queue has no share of this name.
local function shareIn(text, name)
  for found, rest in string.gmatch('\n' .. text, '\nshare (%S+) ([^\n]+)') do
    if found == name then
      return rest
    end
  end
end

-- Returns `lines`, followed by the share lines of `text` except that of the share `except`.
local function withShares(lines, text, except)
  local all = { lines ~= '' and lines or nil }
  for line, name in string.gmatch('\n' .. (text or ''), '\n(share (%S+) [^\n]+)') do
    all[#all + 1] = name ~= except and line or nil
  end
  return table.concat(all, '\n')
end
