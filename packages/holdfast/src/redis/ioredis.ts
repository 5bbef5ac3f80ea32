import { createRequire } from "node:module";
import type * as ioredis from "ioredis";
import * as required from "./ioredis-module.cts";

// Through a small CommonJS module, which bundlers follow. With an `import` of its own Node would read each file of the
// client twice, to find out what it exports, in the worker and in its heartbeat thread, and compile the code that does so
// while the first tasks run.
const { load, isStandIn } = required as unknown as { load(): typeof ioredis; isStandIn: boolean };

/**
 * In a bundle, the stand-in for `require` looks for a global `require`. The client needs one to load modules of Node, so there
 * is one while it is loaded.
 */
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
