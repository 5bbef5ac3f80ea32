// Made from lua/queue_add.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface QueueAddArgs {
  queue: string;
  /** the queue that it is a partition of, "" where it is not a partition */
  whole: string;
  /** which one it is; -1 where its queue is about to grow */
  partition: number;
}

/** queue_add: make a queue known to operators and janitors, and end a deletion of it that is under way. Returns "added" | "partitioned" (only its partitions take tasks) | "no_partition" (its queue has no such partition). */
export const queueAddScript: Script<QueueAddArgs, SystemKeys> = {
  name: "queueAdd",
  sha1: "af7734309f5db697ab4aea32d819229cff17df05",
  keyCount: 3,
  argv: (k, a) => [k.queues, k.partitions, k.deleting, a.queue, a.whole, a.partition],
  source: "#!lua flags=allow-oom\nlocal partition = tonumber(ARGV[3])\nif ARGV[2] == '' and redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then\nreturn 'partitioned'\nend\nif ARGV[2] ~= '' then\nlocal count, step = 0, 1\nlocal field = redis.call('HGET', KEYS[2], ARGV[2])\nwhile field do\ncount = math.max(count, tonumber(field))\nfield = redis.call('HGET', KEYS[2], string.format('%s:%d', ARGV[2], step))\nstep = step + 1\nend\nif count <= partition or count == 0 then\nreturn 'no_partition'\nend\nend\nredis.call('SADD', KEYS[1], ARGV[1])\nredis.call('HDEL', KEYS[3], ARGV[1])\nreturn 'added'\n",
};
