// Made from lua/schedule_delete.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface ScheduleDeleteArgs {
  scheduleId: string;
}

/** schedule_delete: forget a schedule. Its tasks stay. Returns 1 where it was there, else 0. */
export const scheduleDeleteScript: Script<ScheduleDeleteArgs, SystemKeys> = {
  name: "scheduleDelete",
  sha1: "e71489773c65844405fd5298c54309bee64b2870",
  keyCount: 2,
  argv: (k, a) => [k.schedules, k.schedulesDue, a.scheduleId],
  source: "#!lua flags=allow-oom\nlocal schedulesKey = KEYS[1]\nlocal schedulesDueKey = KEYS[2]\nlocal scheduleId = ARGV[1]\nlocal removed = redis.call('HDEL', schedulesKey, 'd' .. scheduleId, 'r' .. scheduleId)\nredis.call('ZREM', schedulesDueKey, scheduleId)\nreturn removed > 0 and 1 or 0\n",
};
