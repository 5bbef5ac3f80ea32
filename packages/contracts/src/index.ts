export * from "./environment.ts";
export * from "./errors.ts";
export * from "./flow-control.ts";
export * from "./keys.ts";
export * from "./limits.ts";
export * from "./schedule.ts";
export * from "./states.ts";
export * from "./task.ts";
