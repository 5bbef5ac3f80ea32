// Made from lua/operators/delete.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export type DeleteArgs = Record<string, never>;

/** delete: remove the keys of a queue that is paused and empty. Returns "deleted" | "not_paused" | "busy". */
export const deleteScript: Script<DeleteArgs> = {
  name: "delete",
  sha1: "3f4968ea8e6f87f2e8584018a2724a5b1425fce8",
  keyCount: 23,
  argv: (k, _a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.pendingTyped, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, k.remembered, k.tasks, k.state, k.results, k.progress, k.requests, k.discarded, k.staleVerdicts, k.timings, k.series, k.seriesLong, k.seriesLast],
  source: "#!lua flags=allow-oom\nlocal function readSettings(raw)\nif not raw then\nreturn { paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 1 then\nreturn nil\nend\nreturn {\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal settings = readSettings(redis.call('HGET', KEYS[14], '#settings'))\nif not settings then\nreturn layoutError()\nend\nif not settings.paused then\nreturn 'not_paused'\nend\nif redis.call('ZCARD', KEYS[6]) + redis.call('ZCARD', KEYS[7]) + redis.call('ZCARD', KEYS[8])\n+ redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3])\n+ redis.call('LLEN', KEYS[4]) + redis.call('ZCARD', KEYS[5]) + redis.call('LLEN', KEYS[9]) + redis.call('LLEN', KEYS[10])\n+ redis.call('LLEN', KEYS[11]) > 0 then\nreturn 'busy'\nend\nredis.call('UNLINK', unpack(KEYS))\nreturn 'deleted'\n",
};
