// Made from lua/queries/events.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface EventsArgs {
  /** the id of the entry to begin with; "" to read none */
  from: string;
  /** how many entries to read, 1 to 100 */
  limit: number;
}

/** events: read the stream of events. If the caller has read all entries, the next call that adds one publishes a Returns {maxEvents, life, number of the last event, entries}; maxEvents: 0 if the queue keeps none. */
export const eventsScript: Script<EventsArgs> = {
  name: "events",
  sha1: "d4cac04d76d3c55cdbfe91808ffbd62f8afeac3e",
  keyCount: 2,
  argv: (k, a) => [k.state, k.events, a.from, a.limit],
  source: "#!lua flags=allow-oom\nlocal limit = tonumber(ARGV[2])\nlocal events\nlocal ends\nlocal fields = redis.call('HMGET', KEYS[1], '#settings', '#events')\nlocal settings\ndo\nlocal raw = fields[1]\nif not raw then\nsettings = { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nelse\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability = string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nsettings = nil\nelse\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings_2 = { layout = tonumber(layout), maxEvents = tonumber(maxEvents), life = life, paused = paused == '1', maxWaiting = tonumber(maxWaiting), retentionMs = tonumber(retentionMs), retentionCount = tonumber(retentionCount), idempotencyMs = tonumber(idempotencyMs), reason = reason, durability = durability }\nif hasFlows then\nsettings_2.hasFlows = true\nend\nsettings = settings_2\nend\nend\nend\nif not settings then\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nif not settings.maxEvents then\nreturn { 0, '', 0, {} }\nend\nlocal entries = ARGV[1] == '' and {} or redis.call('XRANGE', KEYS[2], ARGV[1], '+', 'COUNT', limit)\nif #entries < limit then\nredis.call('HSET', KEYS[1], '#awaited', '1')\nend\nreturn { settings.maxEvents, settings.life, tonumber(fields[2] or 0), entries }\n",
};
