// Made from lua/drain.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface DrainArgs {
  workerId: string;
  /** 1: drain, 0: go on */
  draining: number;
}

/** drain: tell one worker to acquire nothing more, or to go on. It follows with its next heartbeat. Returns 1, or 0 where no such worker is registered. */
export const drainScript: Script<DrainArgs, SystemKeys> = {
  name: "drain",
  sha1: "df1487c89c75afb4351de4402c2d286a07550ef6",
  keyCount: 2,
  argv: (k, a) => [k.workers, k.draining, a.workerId, a.draining],
  source: "#!lua flags=allow-oom\nlocal workersKey = KEYS[1]\nlocal drainingKey = KEYS[2]\nlocal workerId = ARGV[1]\nlocal draining = tonumber(ARGV[2])\nif redis.call('HEXISTS', workersKey, workerId) == 0 then\nreturn 0\nend\nif draining == 1 then\nredis.call('SADD', drainingKey, workerId)\nelse\nredis.call('SREM', drainingKey, workerId)\nend\nreturn 1\n",
};
