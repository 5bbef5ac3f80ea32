// Made from lua/operators/operation_control.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface OperationControlArgs {
  operationId: string;
  /** pause | resume | cancel */
  control: string;
}

/** operation_control: ask an operation to pause, to go on, or to end. Returns "asked" | "ended" | "unknown". */
export const operationControlScript: Script<OperationControlArgs, SystemKeys> = {
  name: "operationControl",
  sha1: "a35c75a624b0675f63722d6f60add014298eed9c",
  keyCount: 2,
  argv: (k, a) => [k.operations, k.operationsRunning, a.operationId, a.control],
  source: "#!lua flags=allow-oom\nif redis.call('HEXISTS', KEYS[1], ARGV[1] .. ':view') == 0 then\nreturn 'unknown'\nend\nif redis.call('HEXISTS', KEYS[1], ARGV[1] .. ':ended') == 1 then\nreturn 'ended'\nend\nredis.call('HSET', KEYS[1], ARGV[1] .. ':control', ARGV[2])\nif ARGV[2] ~= 'pause' and redis.call('ZSCORE', KEYS[2], ARGV[1]) == 'inf' then\nredis.call('ZADD', KEYS[2], 0, ARGV[1])\nend\nreturn 'asked'\n",
};
