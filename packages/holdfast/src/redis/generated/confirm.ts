// Made from lua/operators/confirm.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ConfirmArgs {
  /** any text: written to the field #confirmed */
  marker: string;
  /** repeated, at most 500 times: taskId */
  tail: readonly (string | number)[];
}

/** confirm: find out whether accepted tasks still exist. Returns a letter per task: y known, n gone. */
export const confirmScript: Script<ConfirmArgs> = {
  name: "confirm",
  sha1: "9a17586c62acd2ad6c90c1daee207886b2300293",
  keyCount: 2,
  argv: (k, a) => [k.tasks, k.state, a.marker, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal ids = {}\nfor at = 2, #ARGV do\nids[#ids + 1] = ARGV[at]\nend\nlocal envelopes = redis.call('HMGET', KEYS[1], unpack(ids))\nlocal records = redis.call('HMGET', KEYS[2], unpack(ids))\nlocal known = {}\nfor i = 1, #ids do\nknown[i] = (envelopes[i] or records[i]) and 'y' or 'n'\nend\nredis.call('HSET', KEYS[2], '#confirmed', ARGV[1])\nreturn table.concat(known)\n",
};
