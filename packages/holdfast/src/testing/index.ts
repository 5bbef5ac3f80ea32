export { type TestBatchOptions, type TestRun, type TestRunOptions, testWorker } from "./test-worker.ts";
