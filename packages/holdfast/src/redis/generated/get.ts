// Made from lua/get.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface GetArgs {
  /** repeated, at most 100 times */
  tail: readonly (string | number)[];
}

/** get: all that is known of up to 100 tasks. Returns per task: envelope, record, result, progress, lease expiry or due; "" for what it has not. */
export const getScript: Script<GetArgs> = {
  name: "get",
  sha1: "7df99f9d8af7ee95f5e48f34cbe330129aeb6c32",
  keyCount: 6,
  argv: (k, a) => [k.tasks, k.state, k.results, k.progress, k.processing, k.scheduled, ...a.tail],
  source: "#!lua flags=no-writes\nlocal tasksKey = KEYS[1]\nlocal stateKey = KEYS[2]\nlocal resultsKey = KEYS[3]\nlocal progressKey = KEYS[4]\nlocal processingKey = KEYS[5]\nlocal scheduledKey = KEYS[6]\nlocal taskIdAt = 1\nlocal envelopes = redis.call('HMGET', tasksKey, unpack(ARGV))\nlocal records = redis.call('HMGET', stateKey, unpack(ARGV))\nlocal results = redis.call('HMGET', resultsKey, unpack(ARGV))\nlocal progress = redis.call('HMGET', progressKey, unpack(ARGV))\nlocal reply = {}\nfor i, id in ipairs(ARGV) do\nreply[#reply + 1] = envelopes[i] or ''\nreply[#reply + 1] = records[i] or ''\nreply[#reply + 1] = results[i] or ''\nreply[#reply + 1] = progress[i] or ''\nreply[#reply + 1] = redis.call('ZSCORE', processingKey, id) or redis.call('ZSCORE', scheduledKey, id) or ''\nend\nreturn reply\n",
};
