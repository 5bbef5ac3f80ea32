/**
 * The entry point for tests of handlers, which need no Redis (docs/handlers.md).
 * @module holdfast/testing
 */
export { type TestBatchOptions, type TestRun, type TestRunOptions, testWorker } from "./test-worker.ts";
