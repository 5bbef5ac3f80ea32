// Made from lua/operators/type_timings.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface TypeTimingsArgs {
  ttlMs: number;
  /** a further type is counted as `other` */
  maxTypes: number;
  taskType: string;
  other: string;
  /** repeated, at most 194 times: field without the type, count; n is one of them */
  tail: readonly (string | number)[];
}

/** type_timings: add to the counts of one task type: how many attempts ended and failed, and how long they waited and ran. Returns the type under which the attempts were counted. */
export const typeTimingsScript: Script<TypeTimingsArgs> = {
  name: "typeTimings",
  sha1: "06b06946df3ae73924de228eea349359a9d6191c",
  keyCount: 1,
  argv: (k, a) => [k.typeTimings, a.ttlMs, a.maxTypes, a.taskType, a.other, ...a.tail],
  source: "#!lua\nlocal ttlMs = tonumber(ARGV[1])\nlocal name = ARGV[3]\nif redis.call('HEXISTS', KEYS[1], 'n ' .. ARGV[3]) == 0 then\nlocal maxTypes = tonumber(ARGV[2])\nif tonumber(redis.call('HGET', KEYS[1], 'types') or '0') >= maxTypes then\nname = ARGV[4]\nelse\nredis.call('HINCRBY', KEYS[1], 'types', 1)\nend\nend\nfor at = 5, #ARGV, 2 do\nredis.call('HINCRBY', KEYS[1], ARGV[at] .. ' ' .. name, ARGV[at + 1])\nend\nredis.call('PEXPIRE', KEYS[1], ttlMs)\nreturn name\n",
};
