#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { startApp } from "./app.ts";
import { configSchema } from "./config.ts";

const VERSION = "0.1.0";

const config = loadConfigOrExit(configSchema, process.env);
const logger = createLogger(config, "worker");

await runService({
  name: "worker",
  logger,
  // Running tasks may continue for SHUTDOWN_GRACE_MS. In the remaining 5 s the worker hands back the tasks that have
  // not ended.
  stopTimeoutMs: config.SHUTDOWN_GRACE_MS + 5_000,
  start: (signal) => startApp(config, VERSION, logger, signal),
});
