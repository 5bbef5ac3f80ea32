-- include lib/envelope.lua

-- Reads the retries of a worker that sets maxRetries or timeoutMs for some types: a number, then
-- `,<rule>=<maxRetries>:<timeoutMs>` for each of them, such as `3,email.*=5:60000`; either number of a rule may be
-- missing. The most exact rules come first. Returns the number, and a function that finds the rule for an envelope.
local function ownTermsOf(text)
  local number, types = string.match(text, '^(%d+)(.*)$')
  local rules = {}
  for name, star, maxRetries, timeoutMs in string.gmatch(types, ',([^*=,]*)(%*?)=(%d*):(%d*)') do
    rules[#rules + 1] = { place = #rules .. ' ', name = name, isPrefix = star ~= '', maxRetries = tonumber(maxRetries), timeoutMs = tonumber(timeoutMs) }
  end
  return tonumber(number), function(envelope)
    local name = typeOf(envelope) or ''
    for _, rule in ipairs(rules) do
      if name == rule.name or rule.isPrefix and string.sub(name, 1, #rule.name) == rule.name then
        return rule
      end
    end
  end
end
