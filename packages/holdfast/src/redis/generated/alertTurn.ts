// Made from lua/operators/alert_turn.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface AlertTurnArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** a name that nobody else has */
  owner: string;
  /** 0 gives the lease up */
  leaseMs: number;
}

/** alert_turn: take, renew or give up the lease of the process that evaluates the alert rules. Returns {now, 1 if the caller has the lease, revision, ms for which nobody had it}. */
export const alertTurnScript: Script<AlertTurnArgs, SystemKeys> = {
  name: "alertTurn",
  sha1: "72e6b9e831b6a83efe7c5e43fbe5e9d64ec84c2a",
  keyCount: 1,
  argv: (k, a) => [k.alerts, a.clockMs, a.owner, a.leaseMs],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal leaseMs = tonumber(ARGV[3])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal found = redis.call('HMGET', KEYS[1], ':revision', ':owner')\nlocal revision = tonumber(found[1] or 0)\nlocal holder, till = string.match(found[2] or '', '^(%S+) (%d+)$')\nif holder and holder ~= ARGV[2] and tonumber(till) > now then\nreturn { now, 0, revision, 0 }\nend\nif leaseMs == 0 then\nif holder == ARGV[2] then\nredis.call('HSET', KEYS[1], ':owner', '- ' .. nowText)\nend\nreturn { now, 0, revision, 0 }\nend\nredis.call('HSET', KEYS[1], ':owner', ARGV[2] .. ' ' .. string.format('%.0f', now + leaseMs))\nreturn { now, 1, revision, till and math.max(0, now - tonumber(till)) or 0 }\n",
};
