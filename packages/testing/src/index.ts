export * from "./fake-redis.ts";
export * from "./postgres-server.mjs";
export * from "./redis-server.ts";
export * from "./service-process.ts";
export * from "./until.ts";
