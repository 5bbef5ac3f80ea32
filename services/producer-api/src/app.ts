import {
  type Api,
  createIntakeMetrics,
  createQueueCache,
  type Logger,
  registerFastLane,
  registerFlowRoutes,
  registerTaskRoutes,
  startApi,
} from "@holdfast/service";
import type { Config } from "./config.ts";

export type App = Api;

/** The HTTP service for producers. */
export function startApp(config: Config, version: string, logger: Logger, signal: AbortSignal): Promise<Api> {
  const identity = {
    name: "producer-api",
    version,
    title: "Holdfast producer API",
    description: "Enqueue tasks and flows, follow them, cancel them.",
    port: config.PORT,
    masks: true,
    portVariable: "PORT",
  };
  return startApi(config, identity, logger, signal, ({ client, http, metrics, newQueues, assertOpen }) => {
    const queue = createQueueCache(client, assertOpen);
    const routes = { queue, newQueues, metrics: createIntakeMetrics(metrics) };
    registerTaskRoutes(http, routes);
    registerFlowRoutes(http, routes);
    registerFastLane(http, routes);
    return undefined;
  });
}
