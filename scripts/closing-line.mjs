import { writeSync } from "node:fs";

/** A vitest reporter whose last line is plain: `12 passed, 0 failed, 1 skipped`. */
export class ClosingLine {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      const before = count.failed;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test that never ran because its file broke is no pass.
        count[state === "passed" || state === "skipped" ? state : "failed"] += 1;
      }
      // A file that does not load, or whose hook fails, has no test to show for it.
      if (module.state() === "failed" && count.failed === before) count.failed += 1;
    }
    // At exit: the default reporter prints its summary in the same event.
    process.once("exit", () =>
      writeSync(1, `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`),
    );
  }
}
