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
  ...metricsConfig,
  ...redisConfig,
});

export type Config = Static<typeof configSchema>;
