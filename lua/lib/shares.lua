-- The lines `share` of "#limits" (lib/accounts.lua).

-- The line of one share without its name; nil if the queue has none.
local function shareIn(text, name)
  for found, rest in string.gmatch('\n' .. text, '\nshare (%S+) ([^\n]+)') do
    if found == name then
      return rest
    end
  end
end

-- The lines, with the shares of `text` behind them. except: the name of a share to leave out.
local function withShares(lines, text, except)
  local all = { lines ~= '' and lines or nil }
  for line, name in string.gmatch('\n' .. (text or ''), '\n(share (%S+) [^\n]+)') do
    all[#all + 1] = name ~= except and line or nil
  end
  return table.concat(all, '\n')
end
