// Made from lua/queries/flow_target.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface FlowTargetArgs {
  /** the id of the flow */
  flow: string;
  /** the queue or partition in which the flow was created */
  home: string;
  /** how many nodes it should take */
  nodes: number;
}

/** flow_target: say whether this queue or partition takes nodes of a flow that was created in another one. Returns n it takes them, o not registered, f full, c it has another flow with this id. */
export const flowTargetScript: Script<FlowTargetArgs> = {
  name: "flowTarget",
  sha1: "cc373fef0f8cb67dd9b5a4febe868ec41bb36067",
  keyCount: 2,
  argv: (k, a) => [k.tasks, k.state, a.flow, a.home, a.nodes],
  source: "#!lua flags=no-writes\nlocal events\nlocal ends\nlocal function readNumbers(into, names, text)\nlocal place = 0\nfor number in string.gmatch(text, '%S+') do\nplace = place + 1\ninto[names[place]] = tonumber(number)\nend\nreturn into\nend\nlocal fields = redis.call('HMGET', KEYS[2], '#counters', '#settings', '#registered', '#flows', '%' .. ARGV[1])\nlocal settings\ndo\nlocal raw = fields[2]\nif not raw then\nsettings = { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nelse\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability = string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nsettings = nil\nelse\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings_2 = { layout = tonumber(layout), maxEvents = tonumber(maxEvents), life = life, paused = paused == '1', maxWaiting = tonumber(maxWaiting), retentionMs = tonumber(retentionMs), retentionCount = tonumber(retentionCount), idempotencyMs = tonumber(idempotencyMs), reason = reason, durability = durability }\nif hasFlows then\nsettings_2.hasFlows = true\nend\nsettings = settings_2\nend\nend\nend\nif not settings then\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal at\ndo\nlocal text = fields[5]\nlocal letters, numbers, home = string.match(text or '', '^(%S+) ([%d ]+)@?(.*)$')\nlocal FLOW_FIELDS = { 'total', 'waiting', 'completed', 'dead', 'cancelled', 'expired', 'skipped', 'faults', 'calls', 'replayable', 'createdAt', 'sealBy', 'endedAt' }\nat = letters and readNumbers({ letters = letters, home = home ~= '' and home or nil }, FLOW_FIELDS, numbers)\nend\nif fields[3] ~= '1' then\nreturn 'o'\nelseif at and at.home ~= ARGV[2] then\nreturn 'c'\nend\nif settings.maxWaiting > 0 then\nlocal unpackCounters\ndo\nlocal raw = fields[1]\nif not raw then\nunpackCounters = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nelse\nunpackCounters = { struct.unpack('>ddddddddddddddddddddddddddd', #raw < 216 and raw .. string.rep('\\0', 216 - #raw) or raw) }\nend\nend\nlocal function unpackAccepted(raw)\nif not raw then\nreturn 0, 0, 0\nend\nreturn struct.unpack('>ddd', raw)\nend\nlocal counters, pending, scheduled = unpackCounters, unpackAccepted(redis.call('HGET', KEYS[1], '#in'))\nlocal TOTAL_FIELDS = { 'waiting', 'skipped', 'made', 'noted', 'taken', 'kept', 'running', 'leaving' }\nlocal function readTotals(text)\nreturn readNumbers({}, TOTAL_FIELDS, text or '0 0 0 0 0 0 0 0')\nend\nlocal waiting = readTotals(fields[4]).waiting\nlocal nodes = tonumber(ARGV[3])\nif pending + scheduled + counters[1] + counters[2] + waiting + nodes > settings.maxWaiting then\nreturn 'f'\nend\nend\nreturn 'n'\n",
};
