// Made from lua/operation_control.lua by scripts/generate-bindings.mjs. Do not edit.
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
  sha1: "f6d5de6f9aff738e7bf31a4aebcbf7825bdf2ff1",
  keyCount: 2,
  argv: (k, a) => [k.operations, k.operationsRunning, a.operationId, a.control],
  source: "#!lua flags=allow-oom\nlocal operationsKey = KEYS[1]\nlocal operationsRunningKey = KEYS[2]\nlocal operationId = ARGV[1]\nlocal control = ARGV[2]\nif redis.call('HEXISTS', operationsKey, operationId .. ':view') == 0 then\nreturn 'unknown'\nend\nif redis.call('HEXISTS', operationsKey, operationId .. ':ended') == 1 then\nreturn 'ended'\nend\nredis.call('HSET', operationsKey, operationId .. ':control', control)\nif control ~= 'pause' and not redis.call('ZSCORE', operationsRunningKey, operationId) then\nredis.call('ZADD', operationsRunningKey, 0, operationId)\nend\nreturn 'asked'\n",
};
