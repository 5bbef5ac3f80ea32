// Made from lua/epoch.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export type EpochArgs = Record<string, never>;

/** epoch: count a visit of a janitor, and say that it knows bare records. Lower than one that it has seen, in a Redis that was restarted: writes were lost. Returns {epoch, run id of the server}; epoch 0 where the queue has no state yet. */
export const epochScript: Script<EpochArgs> = {
  name: "epoch",
  sha1: "111954ace071af05fb627aea2a29e7ed70876f2e",
  keyCount: 1,
  argv: (k, _a) => [k.state],
  source: "#!lua flags=allow-oom\nlocal stateKey = KEYS[1]\nlocal runId = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''\nif redis.call('EXISTS', stateKey) == 0 then\nreturn { 0, runId }\nend\nredis.call('HSETNX', stateKey, '#bare', 0)\nreturn { redis.call('HINCRBY', stateKey, '#epoch', 1), runId }\n",
};
