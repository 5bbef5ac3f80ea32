#!lua flags=allow-oom
-- audit_append: keep a record of what an operator did; the oldest go beyond the bound.
-- KEYS[1] :audit  STREAM  record: JSON
-- ARGV[1] maxKept  integer  kept at least; a little more while Redis trims whole nodes
-- ARGV[2] record  string  JSON; never read here
-- RETURNS the id of the entry
-- TIME    O(1)
-- MOVES   nothing

return redis.call('XADD', auditKey, 'MAXLEN', '~', maxKept, '*', 'record', record)
