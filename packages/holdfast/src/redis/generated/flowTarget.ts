// Made from lua/queries/flow_target.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface FlowTargetArgs {
  /** the id of the flow */
  flow: string;
  /** the part in which the flow was made */
  home: string;
  /** how many nodes it should take */
  nodes: number;
}

/** flow_target: say whether this part takes nodes of a flow that was made in another part. Returns n it takes them, o not registered, f full, c it has another flow with this id. */
export const flowTargetScript: Script<FlowTargetArgs> = {
  name: "flowTarget",
  sha1: "2cd16c31a662453436acb61fc2116d222a77fd82",
  keyCount: 2,
  argv: (k, a) => [k.tasks, k.state, a.flow, a.home, a.nodes],
  source: "#!lua flags=no-writes\nlocal nodes = tonumber(ARGV[3])\nlocal home = ARGV[2]\nlocal function unpackCounters(raw)\nif not raw then\nreturn { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nend\nreturn { struct.unpack('>ddddddddddddddddddddddddddd', #raw < 216 and raw .. string.rep('\\0', 216 - #raw) or raw) }\nend\nlocal function unpackAccepted(raw)\nif not raw then\nreturn 0, 0, 0\nend\nreturn struct.unpack('>ddd', raw)\nend\nlocal events\nlocal ends\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nreturn nil\nend\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings = {\nlayout = tonumber(layout),\nmaxEvents = tonumber(maxEvents),\nlife = life,\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nif hasFlows then -- only then, because a larger table costs every call\nsettings.hasFlows = true\nend\nreturn settings\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal FLOW_FIELDS = { 'total', 'waiting', 'completed', 'dead', 'cancelled', 'expired', 'skipped', 'faults', 'calls',\n'replayable', 'createdAt', 'sealBy', 'endedAt' }\nlocal TOTAL_FIELDS = { 'waiting', 'skipped', 'made', 'noted', 'taken', 'kept', 'running', 'leaving' }\nlocal function readNumbers(into, names, text)\nlocal place = 0\nfor number in string.gmatch(text, '%S+') do\nplace = place + 1\ninto[names[place]] = tonumber(number)\nend\nreturn into\nend\nlocal function readTotals(text)\nreturn readNumbers({}, TOTAL_FIELDS, text or '0 0 0 0 0 0 0 0')\nend\nlocal function readFlow(text)\nlocal letters, numbers, home = string.match(text or '', '^(%S+) ([%d ]+)@?(.*)$')\nreturn letters and readNumbers({ letters = letters, home = home ~= '' and home or nil }, FLOW_FIELDS, numbers)\nend\nlocal fields = redis.call('HMGET', KEYS[2], '#counters', '#settings', '#registered', '#flows', '%' .. ARGV[1])\nlocal settings = readSettings(fields[2])\nif not settings then\nreturn layoutError()\nend\nlocal at = readFlow(fields[5])\nif fields[3] ~= '1' then\nreturn 'o'\nelseif at and at.home ~= home then\nreturn 'c'\nend\nif settings.maxWaiting > 0 then\nlocal counters, pending, scheduled = unpackCounters(fields[1]), unpackAccepted(redis.call('HGET', KEYS[1], '#in'))\nlocal waiting = readTotals(fields[4]).waiting\nif pending + scheduled + counters[1] + counters[2] + waiting + nodes > settings.maxWaiting then\nreturn 'f'\nend\nend\nreturn 'n'\n",
};
