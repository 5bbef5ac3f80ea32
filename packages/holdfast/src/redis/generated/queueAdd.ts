// Made from lua/operators/queue_add.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface QueueAddArgs {
  queue: string;
  /** the queue of which it is a partition, "" if it is not a partition */
  whole: string;
  /** the number of the partition */
  partition: number;
  /** the key or address that makes the queue, if it is new; "" to count nobody */
  maker: string;
  /** how many queues one maker may make */
  most: number;
}

/** queue_add: make a queue known to operators and janitors, and end any deletion of it that is under way. Returns "added" | "too_many" | "partitioned" | "no_partition". */
export const queueAddScript: Script<QueueAddArgs, SystemKeys> = {
  name: "queueAdd",
  sha1: "9703b23bf1340210b1f8e136755d9bcaac667f2e",
  keyCount: 4,
  argv: (k, a) => [k.queues, k.partitions, k.deleting, k.queueMakers, a.queue, a.whole, a.partition, a.maker, a.most],
  source: "#!lua flags=allow-oom\nif ARGV[2] == '' and redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then\nreturn 'partitioned'\nend\nif ARGV[2] ~= '' then\nlocal count, step = 0, 1\nlocal field = redis.call('HGET', KEYS[2], ARGV[2])\nwhile field do\ncount = math.max(count, tonumber(field))\nfield = redis.call('HGET', KEYS[2], string.format('%s:%d', ARGV[2], step))\nstep = step + 1\nend\nlocal partition = tonumber(ARGV[3])\nif count <= partition or count == 0 then\nreturn 'no_partition'\nend\nend\nif ARGV[4] ~= '' and redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then\nlocal most = tonumber(ARGV[5])\nif tonumber(redis.call('HGET', KEYS[4], 'n' .. ARGV[4]) or '0') >= most then\nreturn 'too_many'\nend\nif redis.call('HSETNX', KEYS[4], 'q' .. ARGV[1], ARGV[4]) == 1 then\nredis.call('HINCRBY', KEYS[4], 'n' .. ARGV[4], 1)\nend\nend\nredis.call('SADD', KEYS[1], ARGV[1])\nredis.call('HDEL', KEYS[3], ARGV[1])\nreturn 'added'\n",
};
