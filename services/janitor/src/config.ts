import { metricsConfig, redisConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

export const configSchema = Type.Object({
  SWEEP_INTERVAL_MS: Type.Integer({
    default: 1_000,
    minimum: 50,
    maximum: 60_000,
    description: "Longest pause between two sweeps, ms.",
  }),
  AUDIT_INTERVAL_MS: Type.Integer({
    default: 60_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description: "Pause between two audits of a queue, ms.",
  }),
  AUDIT_LOG_MAX: Type.Integer({
    default: 100_000,
    minimum: 1_000,
    maximum: 10_000_000,
    description: "How many records of operator actions Redis keeps; the oldest are dropped first.",
  }),
  ...metricsConfig,
  ...redisConfig,
});

export type Config = Static<typeof configSchema>;
