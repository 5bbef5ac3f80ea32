// Made from lua/operators/delete.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface DeleteArgs {
  /** "paused", "close" or "taken_over" */
  how: string;
  /** the settings that the caller knows, "" for the defaults */
  settings: string;
}

/** delete: remove the keys of an empty queue, or only end its registration; `how` says which. Returns "deleted" | "closed" | "not_paused" | "changed" (the settings differ from those of the caller) | "busy". */
export const deleteScript: Script<DeleteArgs> = {
  name: "delete",
  sha1: "ea648e77a5cc50414f99f3754fc5b177a43f9b0a",
  keyCount: 27,
  argv: (k, a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.pendingTyped, k.pendingKeyed, k.ready, k.resting, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, k.remembered, k.tasks, k.state, k.results, k.progress, k.requests, k.discarded, k.staleVerdicts, k.timings, k.series, k.seriesLong, k.seriesLast, k.unique, a.how, a.settings],
  source: "#!lua flags=allow-oom\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 2 then\nreturn nil\nend\nreturn {\nlayout = tonumber(layout),\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal raw = redis.call('HGET', KEYS[17], '#settings')\nlocal current = readSettings(raw)\nif not current then\nreturn layoutError()\nend\nif ARGV[1] == 'paused' and not current.paused then\nreturn 'not_paused'\nend\nif ARGV[1] == 'taken_over' and (raw or '') ~= ARGV[2] then\nreturn 'changed'\nend\nif redis.call('ZCARD', KEYS[9]) + redis.call('ZCARD', KEYS[10]) + redis.call('ZCARD', KEYS[11])\n+ redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3])\n+ redis.call('LLEN', KEYS[4]) + redis.call('ZCARD', KEYS[5]) + redis.call('ZCARD', KEYS[6]) + redis.call('LLEN', KEYS[12]) + redis.call('LLEN', KEYS[13])\n+ redis.call('LLEN', KEYS[14]) > 0 then\nreturn 'busy'\nend\nif ARGV[1] == 'close' then\nredis.call('HDEL', KEYS[17], '#registered')\nreturn 'closed'\nend\nredis.call('UNLINK', unpack(KEYS))\nreturn 'deleted'\n",
};
