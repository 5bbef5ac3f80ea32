// Made from lua/delete.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export type DeleteArgs = Record<string, never>;

/** delete: remove the keys of a queue that is paused and empty. Returns "deleted" | "not_paused" | "busy". */
export const deleteScript: Script<DeleteArgs> = {
  name: "delete",
  sha1: "8a5aaea7a0287df55b6b85adf2de50de7a06406b",
  keyCount: 16,
  argv: (k, _a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, k.remembered, k.tasks, k.state, k.results, k.progress, k.requests],
  source: "#!lua flags=allow-oom\nlocal pendingHighKey = KEYS[1]\nlocal pendingKey = KEYS[2]\nlocal pendingLowKey = KEYS[3]\nlocal pendingSoloKey = KEYS[4]\nlocal processingKey = KEYS[5]\nlocal scheduledKey = KEYS[6]\nlocal deadLettersKey = KEYS[7]\nlocal completedKey = KEYS[8]\nlocal cancelledKey = KEYS[9]\nlocal expiredKey = KEYS[10]\nlocal rememberedKey = KEYS[11]\nlocal tasksKey = KEYS[12]\nlocal stateKey = KEYS[13]\nlocal resultsKey = KEYS[14]\nlocal progressKey = KEYS[15]\nlocal requestsKey = KEYS[16]\nlocal LAYOUT = 1\nlocal function readSettings(raw)\nif not raw then\nreturn { paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (.*)$')\nif not layout or tonumber(layout) > LAYOUT then\nreturn nil\nend\nreturn {\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\n}\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal settings = readSettings(redis.call('HGET', stateKey, '#settings'))\nif not settings then\nreturn layoutError()\nend\nif not settings.paused then\nreturn 'not_paused'\nend\nif redis.call('ZCARD', processingKey) + redis.call('ZCARD', scheduledKey) + redis.call('ZCARD', deadLettersKey)\n+ redis.call('LLEN', pendingHighKey) + redis.call('LLEN', pendingKey) + redis.call('LLEN', pendingLowKey)\n+ redis.call('LLEN', pendingSoloKey) + redis.call('LLEN', completedKey) + redis.call('LLEN', cancelledKey)\n+ redis.call('LLEN', expiredKey) > 0 then\nreturn 'busy'\nend\nredis.call('UNLINK', unpack(KEYS))\nreturn 'deleted'\n",
};
