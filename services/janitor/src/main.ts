#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { startApp } from "./app.ts";
import { configSchema } from "./config.ts";

const VERSION = "0.1.0";

const config = loadConfigOrExit(configSchema, process.env);
const logger = createLogger(config, "janitor");

await runService({
  name: "janitor",
  logger,
  stopTimeoutMs: 15_000,
  start: (signal) => startApp(config, VERSION, logger, signal),
});
