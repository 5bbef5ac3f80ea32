// Made from lua/operators/alert_write.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface AlertWriteArgs {
  /** 0 for Redis time */
  clockMs: number;
  owner: string;
  /** how many ended notifications are kept */
  maxKept: number;
  /** repeated: state, rule, JSON | forget, deleted rule, "" | send, notification, JSON | end, notification, JSON */
  tail: readonly (string | number)[];
}

/** alert_write: store what the process that evaluates the alert rules has decided and sent. Returns 1, or 0 if another process evaluates the rules now. */
export const alertWriteScript: Script<AlertWriteArgs, SystemKeys> = {
  name: "alertWrite",
  sha1: "647ae73e19f16c67fa17832fafc7f11558d6456c",
  keyCount: 3,
  argv: (k, a) => [k.alerts, k.alertRules, k.alertHistory, a.clockMs, a.owner, a.maxKept, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal holder, till = string.match(redis.call('HGET', KEYS[1], ':owner') or '', '^(%S+) (%d+)$')\nif holder ~= ARGV[2] or tonumber(till) <= now then\nreturn 0\nend\nlocal ended, written, removed = {}, {}, {}\nfor at = 4, #ARGV, 3 do\nlocal kind, name, text = ARGV[at], ARGV[at + 1], ARGV[at + 2]\nif kind == 'end' then\nended[#ended + 1] = text\nremoved[#removed + 1] = 'o' .. name\nelseif kind == 'forget' then\nremoved[#removed + 1], removed[#removed + 2] = 's' .. name, 'd' .. name\nelseif kind == 'send' then\nwritten[#written + 1], written[#written + 2] = 'o' .. name, text\nelseif redis.call('HEXISTS', KEYS[2], name) == 1 or redis.call('HEXISTS', KEYS[1], 'd' .. name) == 1 then\nwritten[#written + 1], written[#written + 2] = 's' .. name, text\nend\nend\nif #ended > 0 then\nredis.call('LPUSH', KEYS[3], unpack(ended))\nlocal maxKept = tonumber(ARGV[3])\nredis.call('LTRIM', KEYS[3], 0, maxKept - 1)\nend\nif #written > 0 then\nredis.call('HSET', KEYS[1], unpack(written))\nend\nif #removed > 0 then\nredis.call('HDEL', KEYS[1], unpack(removed))\nend\nreturn 1\n",
};
