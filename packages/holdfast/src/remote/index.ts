/**
 * The entry point for programs that serve workers in other languages, as worker-api does over HTTP.
 * @module holdfast/remote
 */
export type { StoredStep, StoredSteps } from "../engine/steps.ts";
export { type CallAnswer, callTask } from "../steps/call-task.ts";
export { CallFailed } from "../steps/called-task.ts";
export type { StepStore } from "../steps/step-store.ts";
export type { RemoteAttempt } from "./remote-attempt.ts";
export * from "./remote-worker.ts";
export * from "./remote-workers.ts";
