import { createRequire } from "node:module";
import type * as ioredis from "ioredis";
import * as required from "./ioredis-module.cts";

// ioredis is loaded by a small CommonJS module, which bundlers understand. With `import`, Node would read each file of
// ioredis twice to find its exports, and compile code for that while the first tasks run.
const { load, isStandIn } = required as unknown as { load(): typeof ioredis; isStandIn: boolean };

/** In a bundle, ioredis loads modules of Node with a global `require`, so this sets one while ioredis is loaded. */
function loadInBundle(): typeof ioredis {
  const global = globalThis as { require?: NodeJS.Require };
  global.require = createRequire(import.meta.url);
  try {
    return load();
  } finally {
    delete global.require;
  }
}

export const { Cluster, Command, Redis } = isStandIn && !("require" in globalThis) ? loadInBundle() : load();
export type Cluster = ioredis.Cluster;
export type Redis = ioredis.Redis;
