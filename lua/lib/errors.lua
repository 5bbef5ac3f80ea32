-- Counts failures and dead letters by the signature of their error (docs/keys.md, "The counters of an error"). A script
-- reads the counters of a signature when it first needs them, and writes them in its commit.

-- Returns an empty plan. `names`: the signatures whose counters this call changes. The counters of a signature are
-- stored under its name; false if the queue does not know it. `told` maps the description of a failure to its counters
-- and text.
local function newErrors()
  return { names = {}, texts = {}, told = {} }
end

local function keepError(errors, signature, counts)
  errors[signature] = counts
  errors.names[#errors.names + 1] = signature
  return counts
end

-- Returns the counters of a signature; false if the queue does not know it.
local function knownError(errors, signature)
  if errors[signature] == nil then
    local dead, failures, firstAt, lastAt, versions, tags, series =
      string.match(redis.call('HGET', stateKey, '#!' .. signature) or '', '^(%d+) (%d+) (%d+) (%d+) (%S+) (%S+)(.*)$')
    if dead then
      keepError(errors, signature, { dead = tonumber(dead), failures = tonumber(failures), firstAt = firstAt, lastAt = lastAt,
        versions = versions, tags = tags, series = series, added = 0 })
    else
      errors[signature] = false
    end
  end
  return errors[signature]
end

-- Counts a new dead letter (by = 1), or one that is gone (by = -1). Returns false if the queue no longer knows the
-- signature in its record.
local function countDead(errors, record, by)
  local signature = string.match(record, '^[dk]%S+ %d+ %S+ !(%x+)')
  local counts = signature and knownError(errors, signature)
  if counts then
    counts.dead = math.max(0, counts.dead + by)
  end
  return not signature or counts ~= false
end

-- Adds a word to a list. A full list loses its second word, so that the first and the newest words are kept.
local function withWord(list, word)
  if word == '-' or string.find(',' .. list .. ',', ',' .. word .. ',', 1, true) then
    return list
  elseif list == '-' then
    return word
  end
  local _, commas = string.gsub(list, ',', '')
  if commas + 1 >= ERROR_WORDS then
    list = string.gsub(list, ',[^,]*', '', 1)
  end
  return list .. ',' .. word
end

-- Returns the counters for a failure, and the text that the record of a dead letter gets. `told` is `<signature> <type>
-- <version> <tags>` as the worker sent it; nil or false if there is none. `err` is the error as records have it, or "~"
-- and the reason of the death.
local function errorOf(errors, told, err)
  local signature, name, version, tags = string.match(told or '', '^(%x+) (%S+) (%S+) (%S+)$')
  local counts = signature and knownError(errors, signature)
  if signature and not counts then
    errors.size = errors.size or redis.call('HLEN', errorsKey)
    if errors.size < ERRORS_KEPT then
      errors.size = errors.size + 1
      errors.texts[#errors.texts + 1], errors.texts[#errors.texts + 2] = signature, name .. ' ' .. err
    else
      signature = nil
    end
  end
  if not signature then
    counts = knownError(errors, 'other')
  end
  counts = counts or keepError(errors, signature or 'other', { dead = 0, failures = 0, firstAt = nowText, versions = '-', tags = '-', series = '', added = 0 })
  if signature then
    counts.versions = withWord(counts.versions, version)
    for tag in string.gmatch(tags, '[^,]+') do
      counts.tags = withWord(counts.tags, tag)
    end
  end
  return { counts = counts, mark = signature and ' !' .. signature or '', byDead = signature and 1 or 0 }
end

-- Counts a failure, which may be the death of the task. Returns the text that the record of a dead letter gets. Many
-- tasks of a call fail with the same error, so the result for `told` is cached.
local function countFailure(errors, told, isDead, err)
  local known = errors.told[told or '']
  if not known then
    known = errorOf(errors, told, err)
    errors.told[told or ''] = known
  end
  local counts = known.counts
  counts.added = counts.added + 1
  if isDead then
    counts.dead = counts.dead + known.byDead
  end
  return known.mark
end

-- Adds failures to the last 10-minute bucket of a series, and removes buckets that are too old.
local function countedSeries(series, added)
  local bucket = math.floor(now / ERROR_BUCKET_MS)
  local before, last, count = string.match(series, '^(.*) (%d+):(%d+)$')
  -- If the clock was set back, the failures go into the newest bucket.
  if last and tonumber(last) >= bucket then
    return string.format('%s %s:%d', before, last, count + added)
  end
  local first, behind = string.match(series, '^ (%d+):%d+()')
  while first and tonumber(first) <= bucket - ERROR_BUCKETS do
    series = string.sub(series, behind)
    first, behind = string.match(series, '^ (%d+):%d+()')
  end
  return string.format('%s %d:%d', series, bucket, added)
end

-- Adds the changed counters to the fields that the script commits.
local function planErrors(errors, commit)
  for _, signature in ipairs(errors.names) do
    local counts = errors[signature]
    if counts.added > 0 then
      counts.failures, counts.lastAt, counts.series = counts.failures + counts.added, nowText, countedSeries(counts.series, counts.added)
    end
    local size = #commit
    commit[size + 1] = '#!' .. signature
    commit[size + 2] = string.format('%.0f %.0f %s %s %s %s%s', counts.dead, counts.failures, counts.firstAt, counts.lastAt, counts.versions,
      counts.tags, counts.series)
  end
end

-- Called before the commit: stores the texts of new errors.
local function writeErrors(errors)
  if #errors.texts > 0 then
    redis.call('HSET', errorsKey, unpack(errors.texts))
  end
end
