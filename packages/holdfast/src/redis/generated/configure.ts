// Made from lua/operators/configure.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ConfigureArgs {
  /** 0 for no cap */
  maxWaiting: number;
  retentionMs: number;
  retentionCount: number;
  idempotencyMs: number;
  /** memory, fsynced or replicated; "" leaves it as it is */
  durability: string;
}

/** configure: change settings of a queue. A value below 0 leaves the setting as it is. Returns {maxWaiting, retentionMs, retentionCount, idempotencyMs, durability}. */
export const configureScript: Script<ConfigureArgs> = {
  name: "configure",
  sha1: "98e350b7366d02d955d1e744511b50d1ecd479ac",
  keyCount: 1,
  argv: (k, a) => [k.state, a.maxWaiting, a.retentionMs, a.retentionCount, a.idempotencyMs, a.durability],
  source: "#!lua flags=allow-oom\nlocal maxWaiting = tonumber(ARGV[1])\nlocal retentionMs = tonumber(ARGV[2])\nlocal retentionCount = tonumber(ARGV[3])\nlocal idempotencyMs = tonumber(ARGV[4])\nlocal durability = ARGV[5]\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 2 then\nreturn nil\nend\nreturn {\nlayout = tonumber(layout),\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function writeSettings(s)\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,\ns.retentionCount, s.idempotencyMs, s.reason) .. (s.durability ~= '' and ' ' .. s.durability or '')\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal settings = readSettings(redis.call('HGET', KEYS[1], '#settings'))\nif not settings then\nreturn layoutError()\nend\nfor name, value in pairs({ maxWaiting = maxWaiting, retentionMs = retentionMs, retentionCount = retentionCount, idempotencyMs = idempotencyMs }) do\nif value >= 0 then\nsettings[name] = value\nend\nend\nif durability ~= '' then\nsettings.durability = durability == 'memory' and '' or durability\nend\nredis.call('HSET', KEYS[1], '#settings', writeSettings(settings))\nreturn { settings.maxWaiting, settings.retentionMs, settings.retentionCount, settings.idempotencyMs, settings.durability }\n",
};
