import { fileURLToPath } from "node:url";
import { httpConfig, redisConfig, tracingConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

export const observabilityConfig = Type.Object({
  ...redisConfig,
  ...httpConfig,
  ...tracingConfig,
  OBSERVABILITY_PORT: Type.Integer({
    default: 3001,
    minimum: 1,
    maximum: 65_535,
    description: "Port of the dashboard and the operator API.",
  }),
  ALLOWED_ORIGINS: Type.String({
    default: "http://localhost:5173,http://127.0.0.1:5173",
    description:
      "Origins, beside its own, whose pages may open the live stream and change things, separated by commas. The default is Vite in development.",
  }),
  DASHBOARD_DIR: Type.String({
    // Seen from dist/ and from src/ alike.
    default: fileURLToPath(new URL("../../../dashboard/dist", import.meta.url)),
    description: "Folder of the built dashboard.",
  }),
});

export type ObservabilityConfig = Static<typeof observabilityConfig>;
