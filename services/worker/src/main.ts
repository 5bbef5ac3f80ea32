import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { startApp } from "./app.ts";
import { configSchema } from "./config.ts";

const VERSION = "0.1.0";

const config = loadConfigOrExit(configSchema, process.env);
const logger = createLogger(config, "worker");

await runService({
  name: "worker",
  logger,
  // The grace is the worker's; the rest is for the release of what it did not finish.
  stopTimeoutMs: config.SHUTDOWN_GRACE_MS + 5_000,
  start: (signal) => startApp(config, VERSION, logger, signal),
});
