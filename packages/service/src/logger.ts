import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

/** JSON lines on stdout: constant message plus fields. Never a payload, never a credential. */
export function createLogger(config: { LOG_LEVEL: string }, name: string): Logger {
  return pino({
    name,
    level: config.LOG_LEVEL,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: ["password", "*.password", "req.headers.authorization"], censor: "[hidden]" },
  });
}
