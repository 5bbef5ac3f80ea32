// Made from lua/epoch.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export type EpochArgs = Record<string, never>;

/** epoch: count a visit of a janitor. Lower than one that it has seen, in a Redis that was restarted: writes were lost. Returns {epoch, run id of the server}; epoch 0 where the queue has no state yet. */
export const epochScript: Script<EpochArgs> = {
  name: "epoch",
  sha1: "3d8b2038c66b019ca2fe14f51a3dd1bca6372289",
  keyCount: 1,
  argv: (k, _a) => [k.state],
  source: "#!lua flags=allow-oom\nlocal stateKey = KEYS[1]\nlocal runId = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''\nif redis.call('EXISTS', stateKey) == 0 then\nreturn { 0, runId }\nend\nreturn { redis.call('HINCRBY', stateKey, '#epoch', 1), runId }\n",
};
