// Made from lua/operators/epoch.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export type EpochArgs = Record<string, never>;

/** epoch: count a visit of a janitor. If the count is lower than before, Redis has lost writes. Returns {epoch, run id of the server}; epoch 0 if the queue has no state. */
export const epochScript: Script<EpochArgs> = {
  name: "epoch",
  sha1: "7b25c9335e7ad720355ccf6814beb9cd4b3dec1e",
  keyCount: 1,
  argv: (k, _a) => [k.state],
  source: "#!lua flags=allow-oom\nlocal runId = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''\nif redis.call('EXISTS', KEYS[1]) == 0 then\nreturn { 0, runId }\nend\nreturn { redis.call('HINCRBY', KEYS[1], '#epoch', 1), runId }\n",
};
