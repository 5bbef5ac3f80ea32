import { fileURLToPath } from "node:url";
import { freePort, startService } from "@holdfast/testing";
import { expect, test } from "vitest";

test("without a file of endpoints it is ready, connects to nothing, and ends with 0", async () => {
  const port = await freePort();
  const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
  // Nothing listens at this address. So the service could not become ready if it tried to connect to Redis.
  const service = startService(main, { REDIS_URL: "redis://127.0.0.1:1", DISPATCHER_PORT: String(port) });
  await service.says("ENDPOINTS_FILE is not set");
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  expect([answer.status, await answer.json()]).toEqual([
    200,
    { ok: true, detail: "idle: ENDPOINTS_FILE is not set" },
  ]);
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
});
