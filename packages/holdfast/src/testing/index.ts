export { type TestRun, type TestRunOptions, testWorker } from "./test-worker.ts";
