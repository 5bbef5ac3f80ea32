#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { startApp } from "./app.ts";
import { configSchema } from "./config.ts";

const VERSION = "0.1.0";

const config = loadConfigOrExit(configSchema, process.env);
const logger = createLogger(config, "producer-api");

await runService({
  name: "producer-api",
  logger,
  start: async (signal) => {
    const app = await startApp(config, VERSION, logger, signal);
    try {
      await app.opened;
    } catch (error) {
      await app.stop();
      throw error;
    }
    return app;
  },
});
