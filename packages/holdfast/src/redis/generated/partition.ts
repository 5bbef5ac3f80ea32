// Made from lua/operators/partition.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface PartitionArgs {
  queue: string;
  /** the number of partitions that the caller knows; 0 if there are none */
  before: number;
  /** the number of partitions that the queue gets; 0 to forget them */
  count: number;
  /** what the caller wrote to :deleting before it closed the unpartitioned queue; "" if there is */
  deletion: string;
}

/** partition: give a queue partitions and register them, or add partitions, or forget deleted partitions. Returns the number of partitions that the queue has now; -1 if the queue is registered without partitions. */
export const partitionScript: Script<PartitionArgs, SystemKeys> = {
  name: "partition",
  sha1: "f570a5166e746bafe06a1fb1b83b0a74a35a5253",
  keyCount: 4,
  argv: (k, a) => [k.queues, k.partitions, k.deleting, k.queueMakers, a.queue, a.before, a.count, a.deletion],
  source: "#!lua flags=allow-oom\nlocal before = tonumber(ARGV[2])\nlocal count = tonumber(ARGV[3])\nlocal known, step = 0, 0\nlocal field = ARGV[1]\nlocal value = redis.call('HGET', KEYS[2], field)\nwhile value do\nknown, step = math.max(known, tonumber(value)), step + 1\nfield = string.format('%s:%d', ARGV[1], step)\nvalue = redis.call('HGET', KEYS[2], field)\nend\nif known ~= before then\nreturn known\nend\nif count == 0 then\nfor partition = 0, known - 1 do\nif redis.call('SISMEMBER', KEYS[1], string.format('%s/%d', ARGV[1], partition)) == 1 then\nreturn known\nend\nend\nredis.call('HDEL', KEYS[2], ARGV[1])\nfor growth = 1, step - 1 do\nredis.call('HDEL', KEYS[2], string.format('%s:%d', ARGV[1], growth))\nend\nreturn 0\nend\nif known == 0 and redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then\nif redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[4] then\nreturn -1\nend\nredis.call('SREM', KEYS[1], ARGV[1])\nredis.call('HDEL', KEYS[3], ARGV[1])\nlocal maker = redis.call('HGET', KEYS[4], 'q' .. ARGV[1])\nif maker then\nredis.call('HDEL', KEYS[4], 'q' .. ARGV[1])\nredis.call('HSET', KEYS[4], 'q' .. ARGV[1] .. '/0', maker)\nend\nend\nredis.call('HSET', KEYS[2], field, count)\nfor partition = known, count - 1 do\nlocal name = string.format('%s/%d', ARGV[1], partition)\nredis.call('SADD', KEYS[1], name)\nredis.call('HDEL', KEYS[3], name)\nend\nreturn count\n",
};
