import assert from "node:assert/strict";
import { test } from "node:test";
import { testWorker } from "holdfast/testing";
import { handlers } from "./tasks.js";

// testWorker runs handlers without Redis.
test("a mail is sent to the address of the payload", async () => {
  const run = await testWorker(handlers).run("email.welcome", { to: "ada@example.com" });
  assert.equal(run.outcome, "acked");
  assert.deepEqual(run.result, { sentTo: "ada@example.com" });
});

test("a payload without an address is not tried again", async () => {
  const run = await testWorker(handlers).run("email.welcome", { to: "nobody" });
  assert.equal(run.outcome, "dead");
});
