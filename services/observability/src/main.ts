#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { createLogger, loadConfigOrExit, runService } from "@holdfast/service";
import { observabilityConfig } from "./config.ts";
import { startObservability } from "./start.ts";

const config = loadConfigOrExit(observabilityConfig, process.env);
const logger = createLogger(config, "observability");
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

await runService({
  name: "observability",
  logger,
  start: (signal) =>
    startObservability({
      config,
      logger,
      version,
      signal,
      onFatal: (error) => {
        logger.fatal(error instanceof Error ? error.message : String(error));
        process.exit(1);
      },
    }),
});
