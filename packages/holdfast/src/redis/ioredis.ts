import { createRequire } from "node:module";
import type * as ioredis from "ioredis";

// Not by `import`: Node would read each of its files twice, to find out what they export, in the worker and in its
// heartbeat thread, and compile the code that does so while the first tasks run.
const required = createRequire(import.meta.url)("ioredis") as typeof ioredis;

export const { Cluster, Command, Redis } = required;
export type Cluster = ioredis.Cluster;
export type Redis = ioredis.Redis;
