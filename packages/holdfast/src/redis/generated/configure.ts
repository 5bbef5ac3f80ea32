// Made from lua/configure.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ConfigureArgs {
  /** 0 for no cap */
  maxWaiting: number;
  retentionMs: number;
  retentionCount: number;
  idempotencyMs: number;
}

/** configure: set the limits of a queue. A value below 0 leaves the setting as it is. Returns {maxWaiting, retentionMs, retentionCount, idempotencyMs}. */
export const configureScript: Script<ConfigureArgs> = {
  name: "configure",
  sha1: "8bc4ccb9cd2dc23788e31b70aa63d934f70a86cb",
  keyCount: 1,
  argv: (k, a) => [k.state, a.maxWaiting, a.retentionMs, a.retentionCount, a.idempotencyMs],
  source: "#!lua flags=allow-oom\nlocal stateKey = KEYS[1]\nlocal maxWaiting = tonumber(ARGV[1])\nlocal retentionMs = tonumber(ARGV[2])\nlocal retentionCount = tonumber(ARGV[3])\nlocal idempotencyMs = tonumber(ARGV[4])\nlocal LAYOUT = 1\nlocal function readSettings(raw)\nif not raw then\nreturn { paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (.*)$')\nif not layout or tonumber(layout) > LAYOUT then\nreturn nil\nend\nreturn {\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\n}\nend\nlocal function writeSettings(s)\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', LAYOUT, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,\ns.retentionCount, s.idempotencyMs, s.reason)\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal settings = readSettings(redis.call('HGET', stateKey, '#settings'))\nif not settings then\nreturn layoutError()\nend\nfor name, value in pairs({ maxWaiting = maxWaiting, retentionMs = retentionMs, retentionCount = retentionCount, idempotencyMs = idempotencyMs }) do\nif value >= 0 then\nsettings[name] = value\nend\nend\nredis.call('HSET', stateKey, '#settings', writeSettings(settings))\nreturn { settings.maxWaiting, settings.retentionMs, settings.retentionCount, settings.idempotencyMs }\n",
};
