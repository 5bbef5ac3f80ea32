export * from "./errors.ts";
export * from "./limits.ts";
export * from "./states.ts";
export * from "./task.ts";
