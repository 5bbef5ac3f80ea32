/**
 * The entry point for tests of handlers, which need no Redis (docs/handlers.md).
 * @module holdfast/testing
 */
export type { TestBatchOptions, TestRun, TestRunOptions } from "./test-options.ts";
export { testWorker } from "./test-worker.ts";
