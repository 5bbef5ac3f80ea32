// Made from lua/queries/steps.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface StepsArgs {
  taskId: string;
  /** at most this many steps, the last ones, 1 to 1,000 */
  last: number;
}

/** steps: the durable steps of a task, without their long texts. Returns the head of the steps, "" if there are none; then each step from the first to the last, "" for an empty place. */
export const stepsScript: Script<StepsArgs> = {
  name: "steps",
  sha1: "186a4a876a45f257658010e36382219e99596c5e",
  keyCount: 1,
  argv: (k, a) => [k.steps, a.taskId, a.last],
  source: "#!lua flags=no-writes\nlocal last = tonumber(ARGV[2])\nlocal head\ndo\nlocal text = redis.call('HGET', KEYS[1], ARGV[1])\nhead = text and string.byte(text) == 47 and '0 1\\n/1 ' .. string.sub(text, 2) or text\nend\nif not head then\nreturn { '' }\nend\nlocal serial, places = string.match(head, '^(%d+) (%d+)')\nlocal fields = {}\nfor place = math.max(1, tonumber(places) - last + 1), tonumber(places) do\nfields[#fields + 1] = serial .. '/' .. place\nend\nlocal reply = { head }\nif #fields > 0 then\nfor i, step in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do\nreply[i + 1] = step or ''\nend\nend\nreturn reply\n",
};
