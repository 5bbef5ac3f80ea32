import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

let moreFields: (() => Record<string, string>) | undefined;

/** Fields that each line gets in addition to its own, for example the trace id. */
export function setLogFields(fields: () => Record<string, string>): void {
  moreFields = fields;
}

/** JSON lines on stdout, each a constant message and fields. Never logs a payload or a credential. */
export function createLogger(config: { LOG_LEVEL: string }, name: string): Logger {
  return pino({
    name,
    level: config.LOG_LEVEL,
    timestamp: stdTimeFunctions.isoTime,
    mixin: () => moreFields?.() ?? {},
    redact: { paths: ["password", "*.password", "req.headers.authorization"], censor: "[hidden]" },
  });
}
