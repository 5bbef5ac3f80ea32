import { HoldfastError } from "@holdfast/contracts";
import type { Static, TObject } from "typebox";
import { ConfigError, type Environment, loadConfig } from "./config/load.ts";
import type { Logger } from "./logger.ts";

/** An error at start that the operator can fix. It is shown as one line, without a stack trace. */
export class StartupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartupError";
  }
}

export interface RunningService {
  stop(): Promise<void>;
}

export interface RunServiceOptions {
  name: string;
  logger: Logger;
  /** Starts the service, and resolves when it is ready. The signal aborts if the process has to end before that. */
  start(signal: AbortSignal): Promise<RunningService>;
  /** If a stop takes longer than this, the process exits with 1, ms. @default 30_000 */
  stopTimeoutMs?: number;
}

/** Like `loadConfig`, for `main.ts`: if the configuration is bad, prints it to stderr and exits with 1. */
export function loadConfigOrExit<T extends TObject>(schema: T, env: Environment): Static<T> {
  try {
    return loadConfig(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/**
 * Runs a service until SIGTERM or SIGINT, then stops it and exits with 0. A second signal exits at once. After an error
 * at start, an uncaught error or an unhandled rejection, it logs the error and exits with 1, because a process in an
 * unknown state must not hold leases.
 */
export async function runService(options: RunServiceOptions): Promise<void> {
  const { name, logger } = options;
  const abort = new AbortController();
  let running: RunningService | undefined;
  let stopping: NodeJS.Signals | undefined;

  const fail = (error: unknown, message: string): void => {
    logger.fatal({ err: error }, message);
    process.exit(1);
  };
  process.on("uncaughtException", (error) => fail(error, "uncaught error"));
  process.on("unhandledRejection", (reason) => fail(reason, "unhandled rejection"));

  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => {
      logger.fatal({ service: name }, "stop took too long");
      process.exit(1);
    }, options.stopTimeoutMs ?? 30_000);
    timer.unref();
    await running?.stop();
    logger.info({ service: name }, "stopped");
    process.exit(0);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      logger.warn({ signal }, "second signal, exiting at once");
      process.exit(signal === "SIGINT" ? 130 : 143);
    }
    stopping = signal;
    logger.info({ signal }, "stopping");
    abort.abort();
    // If `running` is not set, `start` has not returned yet. `start` sees the abort, and then the code after it stops
    // the service.
    if (running) stop().catch((error: unknown) => fail(error, "stop failed"));
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);

  try {
    running = await options.start(abort.signal);
  } catch (error) {
    if (abort.signal.aborted) process.exit(0);
    if (error instanceof StartupError || error instanceof HoldfastError) {
      logger.fatal(error.message);
      process.exit(1);
    }
    fail(error, "start failed");
    return;
  }
  if (abort.signal.aborted) {
    await stop();
    return;
  }
  logger.info({ service: name, pid: process.pid }, "started");
  // With `wait_ready`, PM2 starts the next instance only after this message.
  process.send?.("ready");
}
