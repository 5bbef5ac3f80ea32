// Made from lua/operators/queue_remove.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface QueueRemoveArgs {
  queue: string;
  /** what the caller wrote to :deleting before it deleted the keys */
  deletion: string;
}

/** queue_remove: take a deleted queue out of the registry, unless it was registered again since the deletion began. Returns 1, or 0 if the queue is in use again. */
export const queueRemoveScript: Script<QueueRemoveArgs, SystemKeys> = {
  name: "queueRemove",
  sha1: "35f60309ec6228e420b5a1c40f087b878a64d5ac",
  keyCount: 3,
  argv: (k, a) => [k.queues, k.deleting, k.queueMakers, a.queue, a.deletion],
  source: "#!lua flags=allow-oom\nif redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then\nreturn 0\nend\nredis.call('SREM', KEYS[1], ARGV[1])\nredis.call('HDEL', KEYS[2], ARGV[1])\nlocal maker = redis.call('HGET', KEYS[3], 'q' .. ARGV[1])\nif maker then\nredis.call('HDEL', KEYS[3], 'q' .. ARGV[1])\nif redis.call('HINCRBY', KEYS[3], 'n' .. maker, -1) <= 0 then\nredis.call('HDEL', KEYS[3], 'n' .. maker)\nend\nend\nreturn 1\n",
};
