import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

let moreFields: (() => Record<string, string>) | undefined;

/** Sets a function that adds fields to each line, for example the trace id. */
export function setLogFields(fields: () => Record<string, string>): void {
  moreFields = fields;
}

/** Logs JSON lines to stdout, each with a constant message and fields. No line may have a payload or a credential. */
export function createLogger(config: { LOG_LEVEL: string }, name: string): Logger {
  return pino({
    name,
    level: config.LOG_LEVEL,
    timestamp: stdTimeFunctions.isoTime,
    mixin: () => moreFields?.() ?? {},
    redact: { paths: ["password", "*.password", "req.headers.authorization"], censor: "[hidden]" },
  });
}
