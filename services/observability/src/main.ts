#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { observabilityConfig } from "./config.ts";
import { startObservability } from "./start.ts";
import { VERSION } from "./version.ts";

const config = loadConfigOrExit(observabilityConfig, process.env);
const logger = createLogger(config, "observability");

await runService({
  name: "observability",
  logger,
  start: (signal) =>
    startObservability({
      config,
      logger,
      version: VERSION,
      signal,
      onFatal: (error) => {
        logger.fatal(error instanceof Error ? error.message : String(error));
        process.exit(1);
      },
    }),
});
