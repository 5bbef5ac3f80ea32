// Made from lua/operators/shared_limit.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface SharedLimitArgs {
  name: string;
  /** JSON that the caller has read; "" for a new limit */
  before: string;
  /** JSON; "" to forget the limit */
  after: string;
}

/** shared_limit: write a limit that several queues share, unless somebody else has written it meanwhile. Returns 1, or 0 if the limit has changed since the caller read it. */
export const sharedLimitScript: Script<SharedLimitArgs, SystemKeys> = {
  name: "sharedLimit",
  sha1: "d6ac860aa1cfe03c6c96b1e921de38cc0b4112f7",
  keyCount: 1,
  argv: (k, a) => [k.sharedLimits, a.name, a.before, a.after],
  source: "#!lua flags=allow-oom\nif (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then\nreturn 0\nend\nif ARGV[3] == '' then\nredis.call('HDEL', KEYS[1], ARGV[1])\nelse\nredis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\nend\nreturn 1\n",
};
