#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { startApp } from "./app.ts";
import { configSchema } from "./config.ts";

const VERSION = "0.1.0";

const config = loadConfigOrExit(configSchema, process.env);
const logger = createLogger(config, "dispatcher");

await runService({
  name: "dispatcher",
  logger,
  // After SHUTDOWN_GRACE_MS the worker hands back the tasks that still run. It has 5 s for that.
  stopTimeoutMs: config.SHUTDOWN_GRACE_MS + 5_000,
  start: (signal) => startApp(config, process.env, VERSION, logger, signal),
});
