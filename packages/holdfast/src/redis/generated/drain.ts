// Made from lua/operators/drain.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface DrainArgs {
  workerId: string;
  /** 1: drain, 0: go on */
  draining: number;
}

/** drain: tell one worker to acquire no more tasks, or to acquire again. The worker obeys with its next heartbeat. Returns 1, or 0 if no such worker is registered. */
export const drainScript: Script<DrainArgs, SystemKeys> = {
  name: "drain",
  sha1: "eab8a7c5e6cb07b4aa20b03eb03131e40e17bd7b",
  keyCount: 2,
  argv: (k, a) => [k.workers, k.draining, a.workerId, a.draining],
  source: "#!lua flags=allow-oom\nlocal draining = tonumber(ARGV[2])\nif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then\nreturn 0\nend\nif draining == 1 then\nredis.call('SADD', KEYS[2], ARGV[1])\nelse\nredis.call('SREM', KEYS[2], ARGV[1])\nend\nreturn 1\n",
};
