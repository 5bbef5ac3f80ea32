import { expect, test } from "vitest";
import { testWorker } from "./index.ts";

// A worker acks these without a result and reports an error: running the work again would do it twice.
test.each([
  ["too large", "x".repeat(100_000), "payload_too_large"],
  ["without a JSON form", 1n, "invalid_argument"],
])("a result that is %s does not undo the work: acked, with the error beside it", async (_, result, code) => {
  const run = await testWorker({ t: () => result }).run("t", {});
  expect(run).toMatchObject({ outcome: "acked", attempts: 1, error: { code } });
  expect(run).not.toHaveProperty("resultText");
});

test("a handler that returns nothing has no result", async () => {
  const run = await testWorker({ quiet: async () => {} }).run("quiet", null);
  expect(run.outcome).toBe("acked");
  expect(run).not.toHaveProperty("result");
});
