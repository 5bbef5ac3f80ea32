import { createRequire } from "node:module";
import type * as ioredis from "ioredis";
import * as required from "./ioredis-module.cts";

// ioredis is loaded through a small CommonJS module, which bundlers follow. With an `import`, Node would read each file
// of the client twice to find out its exports, in the worker and in its heartbeat thread. It would compile the code for
// that while the first tasks run.
const { load, isStandIn } = required as unknown as { load(): typeof ioredis; isStandIn: boolean };

/**
 * In a bundle, a replacement of `require` uses a global `require`, which the client needs to load modules of Node. So
 * this function sets a global `require` while the client is loaded.
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
