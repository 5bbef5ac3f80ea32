// Made from lua/operators/share.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ShareArgs {
  /** of the limit */
  name: string;
  /** a share that is older than the present share of the queue is refused */
  version: number;
  /** "concurrency rate periodMs burst"; "" takes the share away */
  limit: string;
}

/** share: give a queue its share of a limit that several queues share. The next acquire obeys it. Returns how many tasks run; -1 if the share is refused. */
export const shareScript: Script<ShareArgs> = {
  name: "share",
  sha1: "b410881b18ac684a835827f297cada2be874a8a8",
  keyCount: 2,
  argv: (k, a) => [k.state, k.wake, a.name, a.version, a.limit],
  source: "#!lua flags=allow-oom\nlocal version = tonumber(ARGV[2])\nlocal name = ARGV[1]\nlocal function unpackCounters(raw)\nif not raw then\nreturn { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nend\nreturn { struct.unpack('>ddddddddddddddddddddddddddd', #raw < 216 and raw .. string.rep('\\0', 216 - #raw) or raw) }\nend\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 2 then\nreturn nil\nend\nreturn {\nlayout = tonumber(layout),\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function writeSettings(s)\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,\ns.retentionCount, s.idempotencyMs, s.reason) .. (s.durability ~= '' and ' ' .. s.durability or '')\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal function shareIn(text, name)\nfor found, rest in string.gmatch('\\n' .. text, '\\nshare (%S+) ([^\\n]+)') do\nif found == name then\nreturn rest\nend\nend\nend\nlocal function withShares(lines, text, except)\nlocal all = { lines ~= '' and lines or nil }\nfor line, name in string.gmatch('\\n' .. (text or ''), '\\n(share (%S+) [^\\n]+)') do\nall[#all + 1] = name ~= except and line or nil\nend\nreturn table.concat(all, '\\n')\nend\nlocal function wake()\nif redis.call('HDEL', KEYS[1], '#parked') == 1 then\nredis.call('SPUBLISH', KEYS[2], '')\nend\nend\nlocal fields = redis.call('HMGET', KEYS[1], '#settings', '#limits', '#counters')\nlocal settings, text = readSettings(fields[1]), fields[2] or ''\nif not settings then\nreturn layoutError()\nend\nlocal before = shareIn(text, name)\nif before and tonumber(string.match(before, '^%d+')) > version then\nreturn -1\nend\nlocal processing = unpackCounters(fields[3])[3]\nlocal after = ARGV[3] ~= '' and string.format('%d ', version) .. ARGV[3] or nil\nif before == after then\nreturn processing\nend\nlocal own = string.gsub(string.gsub('\\n' .. text, '\\nshare [^\\n]+', ''), '^\\n', '')\nlocal lines = withShares(own, text, name)\nsettings.layout = 2\nredis.call('HSET', KEYS[1], '#settings', writeSettings(settings), '#limits', lines .. (after and (lines ~= '' and '\\n' or '') .. 'share ' .. name .. ' ' .. after or ''))\nif not after then\nredis.call('HDEL', KEYS[1], '@ ' .. name)\nend\nwake()\nreturn processing\n",
};
