import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

let moreFields: (() => Record<string, string>) | undefined;

/** What each line gets beside its own fields, as the trace that it belongs to. */
export function setLogFields(fields: () => Record<string, string>): void {
  moreFields = fields;
}

/** JSON lines on stdout: constant message plus fields. Never a payload, never a credential. */
export function createLogger(config: { LOG_LEVEL: string }, name: string): Logger {
  return pino({
    name,
    level: config.LOG_LEVEL,
    timestamp: stdTimeFunctions.isoTime,
    mixin: () => moreFields?.() ?? {},
    redact: { paths: ["password", "*.password", "req.headers.authorization"], censor: "[hidden]" },
  });
}
