// Made from lua/operators/delete.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface DeleteArgs {
  /** "paused" | "taken_over" | "close" */
  how: string;
  /** the settings that the caller knows, "" for the defaults */
  settings: string;
}

/** delete: remove the keys of an empty queue, or only end its registration; `how` says which. Returns "deleted" | "closed" | "not_paused" | "changed" (the settings are not the given ones) | "busy". */
export const deleteScript: Script<DeleteArgs> = {
  name: "delete",
  sha1: "83558c7d55e9f727b61c3e265506c20e6b223ed7",
  keyCount: 31,
  argv: (k, a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.pendingTyped, k.pendingKeyed, k.ready, k.resting, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, k.remembered, k.tasks, k.state, k.results, k.progress, k.requests, k.discarded, k.staleVerdicts, k.timings, k.series, k.seriesLong, k.seriesLast, k.unique, k.events, k.kept, k.keptTypes, k.keptDead, a.how, a.settings],
  source: "#!lua flags=allow-oom\nlocal events\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 3 then\nreturn nil\nend\nlocal maxEvents, life\nif layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nend\nreturn {\nlayout = tonumber(layout),\nmaxEvents = tonumber(maxEvents),\nlife = life,\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function settingsText(raw, deadCaps)\nreturn (raw or '') .. (deadCaps and '\\n' .. deadCaps or '')\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal fields = redis.call('HMGET', KEYS[17], '#settings', '#dead_caps')\nlocal current = readSettings(fields[1])\nif not current then\nreturn layoutError()\nend\nif ARGV[1] == 'paused' and not current.paused then\nreturn 'not_paused'\nend\nif ARGV[1] == 'taken_over' and settingsText(fields[1], fields[2]) ~= ARGV[2] then\nreturn 'changed'\nend\nif redis.call('ZCARD', KEYS[9]) + redis.call('ZCARD', KEYS[10]) + redis.call('ZCARD', KEYS[11])\n+ redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3])\n+ redis.call('LLEN', KEYS[4]) + redis.call('ZCARD', KEYS[5]) + redis.call('ZCARD', KEYS[6]) + redis.call('LLEN', KEYS[12]) + redis.call('ZCARD', KEYS[29]) + redis.call('LLEN', KEYS[13])\n+ redis.call('LLEN', KEYS[14]) > 0 then\nreturn 'busy'\nend\nif ARGV[1] == 'close' then\nredis.call('HDEL', KEYS[17], '#registered')\nreturn 'closed'\nend\nredis.call('UNLINK', unpack(KEYS))\nreturn 'deleted'\n",
};
