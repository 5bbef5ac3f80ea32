-- The types that a worker runs, as the worker sends them: a space and a rule for each of its handlers.
--
--   <type>       tasks of this type
--   <prefix>*    tasks whose type begins with the prefix, which may be empty
--   …=<n>        the same, but the worker takes at most n of these tasks now
--   …=0/<most>/<fill>/<waitMs>[k]   the same, at most `most`, in batches that wait until they are full (lib/fill.lua);
--                with k, each key has batches of its own. No task of such a rule is pushed, because earlier versions
--                read only the 0
--
-- The most exact rule decides: the type itself, otherwise the longest prefix.
local RULE = ' ([^%s*=]*)(%*?)=?(%d*)(%S*)'

-- Returns the rules, and a function that finds the rule of a type. `left`: how many more of its tasks are taken.
local function routesOf(text)
  local rules, exact, prefixes = {}, {}, {}
  for name, star, most, batch in string.gmatch(text, RULE) do
    local rule = { name = name, isPrefix = star ~= '', left = tonumber(most) or math.huge, batch = batch }
    if rule.isPrefix then
      prefixes[#prefixes + 1] = rule
    else
      exact[name] = rule
    end
    rules[#rules + 1] = rule
  end
  table.sort(prefixes, function(a, b)
    return #a.name > #b.name
  end)
  return rules, function(name)
    if exact[name] then
      return exact[name]
    end
    for _, rule in ipairs(prefixes) do
      if string.sub(name, 1, #rule.name) == rule.name then
        return rule
      end
    end
  end
end
