// Made from lua/operators/mute.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface MuteArgs {
  signature: string;
  /** who muted the error, when, and until when, JSON; "" ends the mute */
  mute: string;
}

/** mute: mute an error of a queue, or end the mute. Returns 1, or 0 if the queue has no such error. */
export const muteScript: Script<MuteArgs> = {
  name: "mute",
  sha1: "aa9c0a2d32e087b59c4286087736af86587693b5",
  keyCount: 1,
  argv: (k, a) => [k.state, a.signature, a.mute],
  source: "#!lua flags=allow-oom\nif redis.call('HEXISTS', KEYS[1], '#!' .. ARGV[1]) == 0 then\nreturn 0\nend\nif ARGV[2] == '' then\nredis.call('HDEL', KEYS[1], '#mute:' .. ARGV[1])\nelse\nredis.call('HSET', KEYS[1], '#mute:' .. ARGV[1], ARGV[2])\nend\nreturn 1\n",
};
