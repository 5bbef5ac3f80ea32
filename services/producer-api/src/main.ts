#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runApi } from "@holdfast/service";
import { startApp } from "./app.ts";
import { configSchema } from "./config.ts";

const VERSION = "0.1.0";

const config = loadConfigOrExit(configSchema, process.env);
const logger = createLogger(config, "producer-api");

await runApi("producer-api", logger, (signal) => startApp(config, VERSION, logger, signal));
