/** The schemas of all data that is sent over HTTP, with their types. The services and the dashboard share them. */
export * from "./alerts.ts";
export * from "./common.ts";
export * from "./errors.ts";
export * from "./flow.ts";
export * from "./heaviest-keys.ts";
export * from "./identity.ts";
export * from "./limits.ts";
export * from "./limits-trial.ts";
export * from "./operators.ts";
export * from "./queue.ts";
export * from "./redis.ts";
export * from "./routes.ts";
export * from "./schedules.ts";
export * from "./steps.ts";
export * from "./stream.ts";
export * from "./task.ts";
export * from "./workers.ts";
