// Made from lua/operators/alert_put.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface AlertPutArgs {
  /** rule | mute | target | test */
  what: string;
  name: string;
  /** JSON, which this script does not read; "" removes it */
  text: string;
  /** how many of this kind there may be */
  most: number;
}

/** alert_put: write or remove an alert rule, its mute or a target, or ask for a test message. Returns 2 created, 1 written or removed, 0 there is no such rule or target, -1 there are too many. */
export const alertPutScript: Script<AlertPutArgs, SystemKeys> = {
  name: "alertPut",
  sha1: "1f805b12e63f34716f0e3564c51b8faee4739378",
  keyCount: 3,
  argv: (k, a) => [k.alerts, k.alertRules, k.alertTargets, a.what, a.name, a.text, a.most],
  source: "#!lua flags=allow-oom\nlocal most = tonumber(ARGV[4])\nlocal key, field = KEYS[1], 'm' .. ARGV[2]\nif ARGV[1] == 'rule' then\nkey, field = KEYS[2], ARGV[2]\nelseif ARGV[1] == 'target' then\nkey, field = KEYS[3], ARGV[2]\nelseif ARGV[1] == 'test' then\nfield = 'o' .. ARGV[2]\nend\nlocal known = redis.call('HEXISTS', key, field)\nif ARGV[3] == '' then\nif known == 0 then\nreturn 0\nend\nredis.call('HINCRBY', KEYS[1], ':revision', 1)\nif ARGV[1] == 'rule' then\nredis.call('HSET', KEYS[1], 'd' .. ARGV[2], redis.call('HGET', key, ARGV[2]))\nredis.call('HDEL', KEYS[1], 'm' .. ARGV[2])\nend\nredis.call('HDEL', key, field)\nreturn 1\nend\nif ARGV[1] == 'mute' and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then\nreturn 0\nend\nif known == 0 and (ARGV[1] == 'rule' or ARGV[1] == 'target') and redis.call('HLEN', key) >= most then\nreturn -1\nend\nredis.call('HINCRBY', KEYS[1], ':revision', 1)\nredis.call('HSET', key, field, ARGV[3])\nif ARGV[1] == 'rule' then\nredis.call('HDEL', KEYS[1], 'd' .. ARGV[2])\nend\nreturn 2 - known\n",
};
