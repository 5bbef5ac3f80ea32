import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { startRunning } from "./running.ts";

test("with one Redis the session names none, and the list has only that one", async () => {
  const running = await startRunning();
  try {
    await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
    expect((await running.call("GET", "/v1/session")).json().redis).toBeNull();
    expect((await running.call("GET", "/v1/redis")).json()).toEqual({
      name: "default",
      redis: [{ name: "default", path: "", isUp: true, onFire: 0 }],
    });
    // The first Redis has no path of its own. This path is a screen that does not exist, so the answer is the page.
    expect((await running.call("GET", "/redis/default/v1/queues")).text).not.toContain('"queues"');
  } finally {
    await running.stop();
  }
});
