// Made from lua/confirm.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ConfirmArgs {
  /** any text: written to the field #confirmed */
  marker: string;
  /** repeated, at most 500 times: taskId */
  tail: readonly (string | number)[];
}

/** confirm: before a WAIT, show that accepted tasks are still there, and write something that the WAIT then waits for. Returns a letter per task: y known, n gone. */
export const confirmScript: Script<ConfirmArgs> = {
  name: "confirm",
  sha1: "0f2d0ea1112f5087eb8c39df3a1f9c2e5d37256b",
  keyCount: 2,
  argv: (k, a) => [k.tasks, k.state, a.marker, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal tasksKey = KEYS[1]\nlocal stateKey = KEYS[2]\nlocal marker = ARGV[1]\nlocal taskIdAt = 2\nlocal ids = {}\nfor at = taskIdAt, #ARGV do\nids[#ids + 1] = ARGV[at]\nend\nlocal envelopes = redis.call('HMGET', tasksKey, unpack(ids))\nlocal records = redis.call('HMGET', stateKey, unpack(ids))\nlocal known = {}\nfor i = 1, #ids do\nknown[i] = (envelopes[i] or records[i]) and 'y' or 'n'\nend\nredis.call('HSET', stateKey, '#confirmed', marker)\nreturn table.concat(known)\n",
};
