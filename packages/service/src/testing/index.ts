export * from "./old-redis.ts";
export * from "./redis-server.ts";
export * from "./service-process.ts";
