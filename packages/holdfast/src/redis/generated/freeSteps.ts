// Made from lua/transitions/free_steps.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface FreeStepsArgs {
  /** about how many places to remove, 1 to 2,000; a task has at most 1,000 */
  limit: number;
}

/** free_steps: remove the steps of tasks that no longer exist. lib/forget_steps.lua says which these are. Returns {tasks whose steps were removed, tasks whose steps are left}. */
export const freeStepsScript: Script<FreeStepsArgs> = {
  name: "freeSteps",
  sha1: "7cee5ab05be9a4807a50c95ad527c0819da91f67",
  keyCount: 2,
  argv: (k, a) => [k.steps, k.stepsRemoved, a.limit],
  source: "#!lua flags=allow-oom\nlocal limit = tonumber(ARGV[1])\nlocal freed, places = 0, 0\nwhile places < limit do\nlocal entry = redis.call('LINDEX', KEYS[2], 0)\nif not entry then\nbreak\nend\nlocal serial, count, numbers = string.match(entry, '^(%d+) (%d+) (.*)$')\nlocal fields = { serial .. '/1' }\nfor place = 1, tonumber(count) do\nfields[2 * place] = serial .. '/' .. place .. '/'\nfields[2 * place + 1] = serial .. '/' .. place + 1\nend\nfor number in string.gmatch(numbers, '%d+') do\nfields[#fields + 1] = serial .. '!' .. number\nend\nredis.call('HDEL', KEYS[1], unpack(fields))\nredis.call('LPOP', KEYS[2])\nfreed, places = freed + 1, places + 1 + tonumber(count)\nend\nreturn { freed, redis.call('LLEN', KEYS[2]) }\n",
};
