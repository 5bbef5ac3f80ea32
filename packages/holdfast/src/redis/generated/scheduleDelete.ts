// Made from lua/operators/schedule_delete.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface ScheduleDeleteArgs {
  scheduleId: string;
}

/** schedule_delete: remove a schedule. Its tasks stay. Returns 1 if it existed, otherwise 0. */
export const scheduleDeleteScript: Script<ScheduleDeleteArgs, SystemKeys> = {
  name: "scheduleDelete",
  sha1: "098a7a16406b921519e40ddfee65bbbfb8d42bbc",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId],
  source: "#!lua flags=allow-oom\nlocal removed = redis.call('HDEL', KEYS[1], 'd' .. ARGV[1], 'r' .. ARGV[1])\nredis.call('ZREM', KEYS[2], ARGV[1])\nreturn removed > 0 and 1 or 0\n",
};
