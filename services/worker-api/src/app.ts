import { type Api, createErrorLog, type Logger, observeAttempts, startApi } from "@holdfast/service";
import { RemoteWorkers } from "holdfast/remote";
import { registerAttemptRoutes } from "./attempt-routes.ts";
import type { Config } from "./config.ts";
import { registerStepRoutes } from "./step-routes.ts";
import { registerWorkRoutes } from "./work-routes.ts";

export type App = Api;

/** The HTTP service for workers in any language. */
export function startApp(config: Config, version: string, logger: Logger, signal: AbortSignal): Promise<Api> {
  const identity = {
    name: "worker-api",
    version,
    title: "Holdfast worker API",
    description: "Take tasks, extend their leases, settle them.",
    port: config.WORKER_API_PORT,
    masks: false,
    portVariable: "WORKER_API_PORT",
  };
  return startApi(config, identity, logger, signal, ({ client, http, metrics, newQueues, assertOpen }) => {
    const workers = new RemoteWorkers({ client });
    workers.on("error", createErrorLog(logger, "a call for a worker failed"));
    observeAttempts([{ worker: workers, queues: [], types: [] }], metrics);
    const routes = { workers, newQueues, assertOpen };
    registerWorkRoutes(http, routes);
    registerAttemptRoutes(http, routes);
    registerStepRoutes(http, routes);
    return workers;
  });
}
