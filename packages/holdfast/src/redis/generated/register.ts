// Made from lua/register.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface RegisterArgs {
  workerId: string;
  /** JSON */
  worker: string;
  /** JSON, "" for none */
  tasks: string;
}

/** register: say that a worker lives, what it runs, and learn whether it was told to drain. Returns 1 where it was told to drain, else 0. */
export const registerScript: Script<RegisterArgs, SystemKeys> = {
  name: "register",
  sha1: "6f0f0dbe1060baf3821bb9df6cbcedecd4f9958d",
  keyCount: 3,
  argv: (k, a) => [k.workers, k.workerTasks, k.draining, a.workerId, a.worker, a.tasks],
  source: "#!lua flags=allow-oom\nlocal workersKey = KEYS[1]\nlocal workerTasksKey = KEYS[2]\nlocal drainingKey = KEYS[3]\nlocal workerId = ARGV[1]\nlocal worker = ARGV[2]\nlocal tasks = ARGV[3]\nredis.call('HSET', workersKey, workerId, worker)\nif tasks == '' then\nredis.call('HDEL', workerTasksKey, workerId)\nelse\nredis.call('HSET', workerTasksKey, workerId, tasks)\nend\nreturn redis.call('SISMEMBER', drainingKey, workerId)\n",
};
