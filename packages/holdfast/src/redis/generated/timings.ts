// Made from lua/operators/timings.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface TimingsArgs {
  ttlMs: number;
  /** repeated, at most 192 times: field, count */
  tail: readonly (string | number)[];
}

/** timings: add to the counts of how long tasks of the queue waited and ran. Returns how many fields were given. */
export const timingsScript: Script<TimingsArgs> = {
  name: "timings",
  sha1: "f3bbc65c59f5a0101708ef7236a9cba4d6bd3fa0",
  keyCount: 1,
  argv: (k, a) => [k.timings, a.ttlMs, ...a.tail],
  source: "#!lua\nlocal ttlMs = tonumber(ARGV[1])\nfor at = 2, #ARGV, 2 do\nredis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1])\nend\nredis.call('PEXPIRE', KEYS[1], ttlMs)\nreturn (#ARGV - 2 + 1) / 2\n",
};
