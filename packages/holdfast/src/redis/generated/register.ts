// Made from lua/operators/register.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface RegisterArgs {
  workerId: string;
  /** JSON */
  worker: string;
  /** JSON, "" for none */
  tasks: string;
}

/** register: report that a worker lives and what it runs, and learn whether it was told to drain. Returns 1 if the worker was told to drain, otherwise 0. */
export const registerScript: Script<RegisterArgs, SystemKeys> = {
  name: "register",
  sha1: "36aa7f480369050dc1ad23882fbab338b2bf34e4",
  keyCount: 3,
  argv: (k, a) => [k.workers, k.workerTasks, k.draining, a.workerId, a.worker, a.tasks],
  source: "#!lua flags=allow-oom\nredis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\nif ARGV[3] == '' then\nredis.call('HDEL', KEYS[2], ARGV[1])\nelse\nredis.call('HSET', KEYS[2], ARGV[1], ARGV[3])\nend\nreturn redis.call('SISMEMBER', KEYS[3], ARGV[1])\n",
};
