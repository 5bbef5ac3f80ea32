// Made from lua/timings.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface TimingsArgs {
  ttlMs: number;
  /** repeated, at most 192 times: field, count */
  tail: readonly (string | number)[];
}

/** timings: add to how long tasks of the queue waited and ran. Refused at maxmemory: a worker drops what it cannot write. Returns how many fields. */
export const timingsScript: Script<TimingsArgs> = {
  name: "timings",
  sha1: "f0af161feb8ed3b9cecb5753a23eb65245da62f3",
  keyCount: 1,
  argv: (k, a) => [k.timings, a.ttlMs, ...a.tail],
  source: "#!lua\nlocal timingsKey = KEYS[1]\nlocal ttlMs = tonumber(ARGV[1])\nlocal fieldAt = 2\nfor at = fieldAt, #ARGV, 2 do\nredis.call('HINCRBY', timingsKey, ARGV[at], ARGV[at + 1])\nend\nredis.call('PEXPIRE', timingsKey, ttlMs)\nreturn (#ARGV - fieldAt + 1) / 2\n",
};
