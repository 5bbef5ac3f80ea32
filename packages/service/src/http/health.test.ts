import { type AddressInfo, createServer, type Server } from "node:net";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { StartupError } from "../lifecycle.ts";
import { createMetrics } from "../metrics.ts";
import { createHealthServer, type HealthServerOptions, type Readiness, safely } from "./health.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function occupied(port = 0): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(port, "127.0.0.1", resolve),
  );
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

async function start(overrides: Partial<HealthServerOptions> = {}) {
  const server = await createHealthServer({
    host: "127.0.0.1",
    allowedHosts: [],
    port: undefined,
    instance: 0,
    metrics: createMetrics({ service: "trial", version: "0", http: false }),
    logger: pino({ level: "silent" }),
    ready: async () => ({ ok: true, detail: "fine" }),
    ...overrides,
  });
  closers.push(() => server.close());
  return server;
}

test("serves metrics and health, and is not ready if the check fails", async () => {
  let readiness: Readiness = { ok: true, detail: "fine" };
  const { port } = await start({ ready: async () => readiness });
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect([await status("/livez"), await status("/readyz"), await status("/metrics")]).toEqual([
    200, 200, 200,
  ]);
  readiness = { ok: false, detail: "Redis is down" };
  const red = await fetch(`http://127.0.0.1:${port}/readyz`);
  expect([red.status, await red.json()]).toEqual([503, { ok: false, detail: "Redis is down" }]);
  expect(await status("/nope")).toBe(404);
});

test("without METRICS_PORT a busy port is skipped", async () => {
  const one = await start();
  const two = await start();
  expect(two.port).toBeGreaterThan(one.port);
});

test("with METRICS_PORT, a busy port ends the start, and the error names the holder of the port", async () => {
  const port = await occupied();
  const failure = start({ port });
  await expect(failure).rejects.toBeInstanceOf(StartupError);
  await expect(failure).rejects.toThrow(
    new RegExp(`port ${port} is in use by .*pid ${process.pid}.*METRICS_PORT`),
  );
});

test("a check that throws an error or does not answer counts as failed", async () => {
  const thrown = await safely(async () => {
    throw new Error("no connection");
  });
  expect(thrown).toEqual({ ok: false, detail: "no connection" });
  expect(await safely(() => new Promise(() => {}), 5)).toEqual({
    ok: false,
    detail: "no answer within 5 ms",
  });
});
