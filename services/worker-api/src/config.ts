import { httpConfig, redisConfig, tracingConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

export const configSchema = Type.Object({
  WORKER_API_PORT: Type.Integer({
    default: 3_002,
    minimum: 1,
    maximum: 65_535,
    description: "Port of the HTTP API for workers.",
  }),
  ...httpConfig,
  ...redisConfig,
  ...tracingConfig,
});

export type Config = Static<typeof configSchema>;
