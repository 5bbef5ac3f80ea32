import { writeSync } from "node:fs";

/** A vitest reporter whose last line is plain text: `12 passed, 0 failed, 1 skipped`. */
export class ClosingLine {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      const before = count.failed;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // This test ran a test suite in another language, and has counted the tests of that suite.
        const { counted } = test.meta();
        if (counted) {
          for (const name of Object.keys(count)) count[name] += counted[name];
          if (state === "failed" && counted.failed === 0) count.failed += 1;
          continue;
        }
        // A test without a result did not run, because its file failed. It counts as failed.
        count[state === "passed" || state === "skipped" ? state : "failed"] += 1;
      }
      // A file that fails to load, or whose hook fails, may report no test. It counts as one failed test.
      if (module.state() === "failed" && count.failed === before) count.failed += 1;
    }
    // The line is printed when the process exits. The default reporter prints its summary on the same event as this
    // reporter, and this line has to come after it.
    process.once("exit", () =>
      writeSync(1, `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`),
    );
  }
}
